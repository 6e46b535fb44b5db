#!/usr/bin/env bash
# A node's capabilities, boot_mode among them, may be in its properties and in
# its instance_info. instance_info.capabilities is JSON: an object, or its text.
# One would guess that properties.capabilities takes the same.
#
# Ironic 29.0.5 (Debian 13): in properties the form is "a:b,c:d". The text of a
# JSON object is accepted there and means nothing: with {"boot_mode": "bios"}
# the node gets GRUB's file for UEFI, the default, and becomes active. An object
# is accepted when the node is made, and each deployment is then told 500:
# "'dict' object has no attribute 'split'".
#
# For a site: write boot_mode:bios. Usher reads no boot mode: it has one file for
# each boot interface, whatever the firmware.
. "$(dirname "$0")/lib.sh"
ironic_root
enter
ironic_up

guess "each of the three ways to write it makes PXELINUX's file, for BIOS"
in_root python3 - << 'PY' || otherwise $? "the three mean the same, or are refused"
import ironic_client as ironic
from finding import verdict

found = []
for number, capabilities in enumerate(('boot_mode:bios', '{"boot_mode": "bios"}', {'boot_mode': 'bios'})):
    name = f'node-{number}'
    node = ironic.ramdisk_node(name, f'52:54:00:00:00:0{number}', boot_interface='pxe',
                               properties={'capabilities': capabilities})
    status, text = ironic.call('PUT', f'/v1/nodes/{name}/states/provision', {'target': 'active'})
    if status == 202:
        ironic.wait_for(name, 'active')
        first = open(f"/finding/tftp/{node['uuid']}/config").readline().strip()
        text = f'a file that begins with "{first}"'
    print(f'seen:     {capabilities!r}: {status}, {text}')
    found.append(text)
verdict(len(set(found)) > 1)
PY
still "one form works, one is ignored, one is an internal error"
