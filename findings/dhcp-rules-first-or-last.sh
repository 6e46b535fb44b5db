#!/usr/bin/env bash
# A static DHCP configuration for netboot is a list of rules: "architecture 7
# gets this file", "whoever names an architecture gets that file". Where two of
# them fit, one would guess that servers agree which one counts, whether the
# first or the last.
#
# They do not. dnsmasq 2.91 takes the last; Kea 2.6.3 and ISC dhcpd 4.4.3 take
# the first (all Debian 13). So a list that was translated line by line from one
# to the other gives some machines another loader.
#
# For a site: make rules that exclude each other. Those that "usher dnsmasq"
# prints do, and say where a rule of one's own belongs.
. "$(dirname "$0")/lib.sh"
dhcp_root
enter
dhcp_link

guess "the three servers give architecture 7 the same file, and 9 the other one"
in_root python3 - << 'PY' || otherwise $? "they agree"
import dhcp
from finding import verdict

servers = {
    'dnsmasq': dhcp.dnsmasq('''
dhcp-match=set:one,option:client-arch,7
dhcp-match=set:any,93
dhcp-boot=tag:one,first.efi
dhcp-boot=tag:any,second.efi
'''),
    'Kea': dhcp.kea(**{'client-classes': [
        {'name': 'one', 'test': 'option[93].hex == 0x0007', 'boot-file-name': 'first.efi'},
        {'name': 'any', 'test': 'option[93].exists', 'boot-file-name': 'second.efi'}]}),
    'dhcpd': dhcp.dhcpd('''
option arch code 93 = string;
class "one" { match if option arch = 00:07; filename "first.efi"; }
class "any" { match if exists arch; filename "second.efi"; }
'''),
}
files = {}
for number, (name, command) in enumerate(servers.items()):
    with dhcp.running(command):
        files[name] = [dhcp.offer(f'52:54:00:00:0{number}:0{arch}', dhcp.architectures(arch)).boot_file()
                       for arch in (7, 9)]
    print(f'seen:     {name}: architecture 7 gets {files[name][0]}, architecture 9 gets {files[name][1]}')
if {f[1] for f in files.values()} != {'second.efi'}:
    raise SystemExit('the second rule does not work at all')
verdict(len({f[0] for f in files.values()}) > 1)
PY
still "dnsmasq takes the last rule that fits, Kea and dhcpd the first"
