#!/usr/bin/env bash
# A boot URL may be long: a token, a deep path. The field for it in a DHCPv4
# packet holds 128 bytes, option 67 holds 255. One would guess that a server puts a
# long one into the option, or refuses it when it reads its configuration.
#
# With a URL of 173 characters (all Debian 13): dnsmasq 2.91 sends it whole to a
# client that asks for option 67, and its first 127 characters, without a word, to
# one that does not (U-Boot does not). ISC dhcpd 4.4.3 always sends the first 128,
# and logs it. Kea 2.6.3 takes the configuration, answers nobody at
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
import dhcp
from finding import verdict

URL = 'http://10.9.0.1:6385/' + 'x' * 140 + '/boot.ipxe'
servers = {
    'dnsmasq': dhcp.dnsmasq('dhcp-boot=' + URL),
    'Kea': dhcp.kea(**{'boot-file-name': URL}),
    'dhcpd': dhcp.dhcpd(f'filename "{URL}";'),
}
clients = {'asks for 67': dhcp.REQUESTED, 'does not': bytes([1, 3, 6])}
found = set()
for number, (name, command) in enumerate(servers.items()):
    with dhcp.running(command):
        for case, (asks, requested) in enumerate(clients.items()):
            answer = dhcp.discover(f'52:54:00:00:0{number}:0{case}', requested=requested)
            got = len(answer.boot_file()) if answer else None
            print(f'seen:     {name}, client {asks}:', f'{got} of {len(URL)} characters' if answer else 'no answer')
            found.add(got)
    for line in dhcp.log().splitlines():
        if 'truncated' in line or 'will be offered' in line:
            print('seen:    ', name, 'logs:', line[:60], '...', line[-40:])
            break
verdict(found != {len(URL)})
PY
still "a long boot URL is cut, or costs the answer"
