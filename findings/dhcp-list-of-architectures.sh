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
import json
import os
import dhcp
from finding import verdict

open('/tmp/dnsmasq.conf', 'w').write(f'''
port=0
interface={dhcp.SERVER}
bind-interfaces
leasefile-ro
no-ping
dhcp-range=10.9.0.100,10.9.0.200
dhcp-match=set:http,option:client-arch,16
dhcp-boot=tag:http,for16.efi
''')
json.dump({'Dhcp4': {
    'interfaces-config': {'interfaces': [dhcp.SERVER], 'service-sockets-max-retries': 100},
    'lease-database': {'type': 'memfile', 'persist': False},
    'client-classes': [{'name': 'http', 'test': 'option[93].hex == 0x0010', 'boot-file-name': 'for16.efi'}],
    'subnet4': [{'id': 1, 'subnet': '10.9.0.0/24', 'pools': [{'pool': '10.9.0.100 - 10.9.0.200'}]}],
}}, open('/tmp/kea.json', 'w'))
open('/tmp/dhcpd.conf', 'w').write('''
option arch code 93 = string;
class "http" { match if option arch = 00:10; filename "for16.efi"; }
subnet 10.9.0.0 netmask 255.255.255.0 { range 10.9.0.100 10.9.0.200; }
''')
open('/tmp/leases', 'w').close()
os.makedirs('/run/kea', exist_ok=True)
servers = {
    'dnsmasq': ['dnsmasq', '--no-daemon', '--user=root', '--conf-file=/tmp/dnsmasq.conf'],
    'Kea': ['kea-dhcp4', '-c', '/tmp/kea.json'],
    'dhcpd': ['dhcpd', '-4', '-f', '-d', '-cf', '/tmp/dhcpd.conf', '-lf', '/tmp/leases', '-pf', '/tmp/dhcpd.pid', dhcp.SERVER],
}
lists = [(16,), (16, 7), (7, 16)]
found = {}
for number, (name, command) in enumerate(servers.items(), 1):
    server = dhcp.start(*command, ready=4, env=dict(os.environ, KEA_PIDFILE_DIR='/run/kea', KEA_LOCKFILE_DIR='/run/kea'))
    found[name] = []
    for case, numbers in enumerate(lists):
        answer = dhcp.discover(f'52:54:00:00:0{number}:0{case}', dhcp.architectures(*numbers))
        if answer is None:
            raise SystemExit(f'{name} did not answer: ' + open('/tmp/server.log').read()[-500:])
        found[name].append(answer.boot_file() or 'no file')
        print(f'seen:     {name}, client says {numbers}: {found[name][-1]}')
    server.kill()
    server.wait()
if {f[0] for f in found.values()} != {'for16.efi'}:
    raise SystemExit('the rule does not work at all')
verdict(len({tuple(f) for f in found.values()}) > 1)
PY
still "a list is matched by dnsmasq, and by neither Kea nor dhcpd"
