#!/usr/bin/env bash
# A boot URL may be long: a token, a deep path. The field for it in a DHCPv4
# packet holds 128 bytes, option 67 holds 255. One would guess that a server puts a
# long one into the option, or refuses it when it reads its configuration.
#
# With a URL of 173 characters (all Debian 13): dnsmasq 2.91 sends it whole to a
# client that asks for option 67, and its first 127 characters, without a word, to
# one that does not (U-Boot and SLOF do not). ISC dhcpd 4.4.3 always sends the
# first 128, and logs it. Kea 2.6.3 takes the configuration, answers nobody at
# all, and logs that an address "will be offered".
#
# For a site: less than 128 characters, or in Kea and dhcpd as option 67 by name.
# The URLs that "usher dnsmasq" writes are short, as long as the host's name is.
. "$(dirname "$0")/lib.sh"
dhcp_root
enter
dhcp_link

guess "whoever is answered gets the whole URL"
in_root python3 - << 'PY' || otherwise $? "nobody gets a part of a URL"
import json
import os
import dhcp
from finding import verdict

URL = 'http://10.9.0.1:6385/' + 'x' * 140 + '/boot.ipxe'
open('/tmp/dnsmasq.conf', 'w').write(f'port=0\ninterface={dhcp.SERVER}\nbind-interfaces\nleasefile-ro\nno-ping\n'
                                     f'dhcp-range=10.9.0.100,10.9.0.200\ndhcp-boot={URL}\n')
json.dump({'Dhcp4': {
    'interfaces-config': {'interfaces': [dhcp.SERVER], 'service-sockets-max-retries': 100},
    'lease-database': {'type': 'memfile', 'persist': False}, 'boot-file-name': URL,
    'subnet4': [{'id': 1, 'subnet': '10.9.0.0/24', 'pools': [{'pool': '10.9.0.100 - 10.9.0.200'}]}],
}}, open('/tmp/kea.json', 'w'))
open('/tmp/dhcpd.conf', 'w').write(f'filename "{URL}";\n'
                                   'subnet 10.9.0.0 netmask 255.255.255.0 { range 10.9.0.100 10.9.0.200; }\n')
open('/tmp/leases', 'w').close()
os.makedirs('/run/kea', exist_ok=True)
servers = {
    'dnsmasq': ['dnsmasq', '--no-daemon', '--user=root', '--conf-file=/tmp/dnsmasq.conf'],
    'Kea': ['kea-dhcp4', '-c', '/tmp/kea.json'],
    'dhcpd': ['dhcpd', '-4', '-f', '-d', '-cf', '/tmp/dhcpd.conf', '-lf', '/tmp/leases', '-pf', '/tmp/dhcpd.pid', dhcp.SERVER],
}
found = {}
for number, (name, command) in enumerate(servers.items(), 1):
    server = dhcp.start(*command, ready=4, env=dict(os.environ, KEA_PIDFILE_DIR='/run/kea', KEA_LOCKFILE_DIR='/run/kea'))
    for case, (asks, requested) in enumerate({'asks for 67': dhcp.REQUESTED, 'does not': bytes([1, 3, 6])}.items()):
        answer = dhcp.discover(f'52:54:00:00:0{number}:0{case}', requested=requested)
        found[name, asks] = 'no answer' if answer is None else len(answer.boot_file())
        print(f'seen:     {name}, client {asks}: {found[name, asks]}', f'of {len(URL)} characters' if answer else '')
    server.kill()
    server.wait()
    print(f'seen:     {name} logs:', [line[-90:] for line in open('/tmp/server.log').read().splitlines()
                                      if 'truncat' in line or 'will be offered' in line][-1:])
verdict(set(found.values()) != {len(URL)})
PY
still "a long boot URL is cut, or costs the answer"
