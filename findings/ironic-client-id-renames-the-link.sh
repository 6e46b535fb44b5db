#!/usr/bin/env bash
# For each port of a node Ironic makes a link pxelinux.cfg/01-<MAC>, the name
# that PXELINUX and GRUB ask for; 01 is the hardware type, Ethernet. A port may
# also note the client identifier of its DHCP requests (extra.client-id). One
# would guess that this is for DHCP and changes no file.
#
# Ironic 29.0.5 (Debian 13): with any client-id the link is called 20-<MAC>, 20
# being InfiniBand. An Ethernet machine whose port has a client-id asks for
# 01-<MAC>, which is not there, and goes on to the next name and to "default".
# The link for GRUB in the same folder is grub.cfg-01-<MAC> all the same, and
# the boot interface ipxe has no prefix.
#
# For a site: no client-id on Ethernet ports of nodes with boot interface pxe.
# Usher follows no links: it finds the node by the port's address and reads the
# node's own folder.
. "$(dirname "$0")/lib.sh"
ironic_root
enter
ironic_up

guess "both ports have a link pxelinux.cfg/01-<MAC>"
in_root python3 - << 'PY'
import ironic_client as ironic

node = ironic.ramdisk_node('links', '52:54:00:00:00:01', boot_interface='pxe')
ironic.create_port(node, '52:54:00:00:00:02', extra={'client-id': '01:52:54:00:00:00:02'})
ironic.provision('links', 'active', 'active')
PY
for name in "$root"/finding/tftp/pxelinux.cfg/* "$root"/finding/tftp/grub.cfg-*; do
  seen "${name#"$root/finding/tftp/"}"
done
[ -L "$root/finding/tftp/pxelinux.cfg/01-52-54-00-00-00-01" ] || broken "no link for the port without client-id"
[ -L "$root/finding/tftp/pxelinux.cfg/20-52-54-00-00-00-02" ] || changed "a client-id makes no link 20-<MAC>"
[ ! -L "$root/finding/tftp/pxelinux.cfg/01-52-54-00-00-00-02" ] || changed "it has a link 01-<MAC> too"
still "a client-id turns the Ethernet port's 01- into 20-"
