#!/usr/bin/env bash
# Option 93 is a list: firmware may name several architectures that it can boot,
# the one that it prefers first (RFC 4578). Rules of DHCP servers compare it with
# one number. One would guess that a rule for 16 fits a client that says 16 and 7.
#
# With dnsmasq 2.91 it does, in either order, and so does the rule for 7. With
# Kea 2.6.3 and ISC dhcpd 4.4.3, in the form that their manuals and all examples
# have, no rule fits: the client gets an address and no boot file (all Debian
# 13).
#
# For a site: with Kea and dhcpd compare the first two bytes,
# substring(option[93].hex, 0, 2) and substring(option arch, 0, 2). A client that
# lists two gets from "usher dnsmasq" what its later rule says.
. "$(dirname "$0")/lib.sh"
dhcp_root
enter
dhcp_link

guess "whoever names 16 among others gets the file for 16"
in_root python3 - << 'PY' || otherwise $? "all three answer alike"
import dhcp
from finding import verdict

servers = {
    'dnsmasq': dhcp.dnsmasq('dhcp-match=set:http,option:client-arch,16\ndhcp-boot=tag:http,for16.efi'),
    'Kea': dhcp.kea(**{'client-classes': [
        {'name': 'http', 'test': 'option[93].hex == 0x0010', 'boot-file-name': 'for16.efi'}]}),
    'dhcpd': dhcp.dhcpd('option arch code 93 = string;\n'
                        'class "http" { match if option arch = 00:10; filename "for16.efi"; }'),
}
lists = [(16,), (16, 7), (7, 16)]
found = {}
for number, (name, command) in enumerate(servers.items()):
    with dhcp.running(command):
        found[name] = [dhcp.offer(f'52:54:00:00:0{number}:0{case}', dhcp.architectures(*numbers)).boot_file()
                       for case, numbers in enumerate(lists)]
    for numbers, file in zip(lists, found[name]):
        print(f'seen:     {name}, client says {numbers}:', file or 'no file')
if {f[0] for f in found.values()} != {'for16.efi'}:
    raise SystemExit('the rule does not work at all')
verdict(len({tuple(f) for f in found.values()}) > 1)
PY
still "a list is matched by dnsmasq, and by neither Kea nor dhcpd"
