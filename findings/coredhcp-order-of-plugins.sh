#!/usr/bin/env bash
# coredhcp's configuration is a list of plugins, each of which adds something to
# the answer: range an address, nbp the boot file. One would guess that their order
# does not matter as long as each is there.
#
# coredhcp of 2022-06-02 (Debian 13): nbp ends the list. What stands below it is
# skipped without a word: with range there, machines are offered the address
# 0.0.0.0 and a boot file, and never boot.
#
# For a site: nbp last. It gives one URL to everyone, so that iPXE would load
# itself for ever, unless iPXE is in ROM and the URL is Usher's /boot.ipxe.
. "$(dirname "$0")/lib.sh"
debian trixie python3 coredhcp-server=0.0.0+git.20220602.a2552c5-2+b1
enter
dhcp_link

guess "an address and a boot file, in either order"
in_root python3 - << 'PY' || otherwise $? "the order does not matter"
import dhcp
from finding import verdict

PLUGINS = {
    'nbp': '    - nbp: "http://10.9.0.1:6385/boot.ipxe"\n',
    'range': '    - range: /tmp/{}.leases 10.9.0.100 10.9.0.200 60s\n    - netmask: 255.255.255.0\n',
}
addresses = []
for number, order in enumerate((('range', 'nbp'), ('nbp', 'range'))):
    with open('/tmp/coredhcp.yml', 'w') as file:
        file.write(f'server4:\n  listen:\n    - "%{dhcp.SERVER}"\n  plugins:\n    - server_id: 10.9.0.1\n'
                   '    - lease_time: 60s\n' + ''.join(PLUGINS[name].format(number) for name in order))
    with dhcp.running(['coredhcp', '-c', '/tmp/coredhcp.yml']):
        answer = dhcp.offer(f'52:54:00:00:00:0{number}')
    addresses.append(answer.address)
    print(f"seen:     {' before '.join(order)}: address {answer.address}, boot file {answer.boot_file()}")
if addresses[0] == '0.0.0.0':
    raise SystemExit('it gives no address at all')
verdict(addresses[1] == '0.0.0.0')
PY
still "below nbp no plugin is asked"
