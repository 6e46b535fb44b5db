#!/usr/bin/env bash
# iPXE says "iPXE" in DHCP's option 77, the user class. To tell it from firmware
# in Kea one would write the test option[77].text == 'iPXE': the option's text is
# compared, and .hex is for bytes.
#
# Kea 2.6.3 (Debian 13; 2.2.0 and 3.0.4 the same) accepts the test, and it is
# never true. Its option 77 is a binary one, whose text is a description like
# "type=077, len=004: 69:50:58:45". It is .hex that compares with the text 'iPXE'.
# And a client that writes the option as RFC 3004 says, with a length before each
# class, fits neither.
#
# For a site: option[77].hex == 'iPXE', or better option[175].exists: only iPXE
# sends that one, and "usher dnsmasq" goes by it.
. "$(dirname "$0")/lib.sh"
dhcp_root
enter
dhcp_link

guess ".text == 'iPXE' is true for iPXE"
in_root python3 - << 'PY' || otherwise $? ".text is the text now"
import json
import os
import dhcp
from finding import verdict

tests = {'text': "option[77].text == 'iPXE'", 'hex': "option[77].hex == 'iPXE'", 'option 175': 'option[175].exists'}
json.dump({'Dhcp4': {
    'interfaces-config': {'interfaces': [dhcp.SERVER], 'service-sockets-max-retries': 100},
    'lease-database': {'type': 'memfile', 'persist': False},
    'client-classes': [{'name': name, 'test': test, 'option-data': [
        {'code': 224 + number, 'space': 'dhcp4', 'data': '01', 'csv-format': False, 'always-send': True}]}
        for number, (name, test) in enumerate(tests.items())],
    'subnet4': [{'id': 1, 'subnet': '10.9.0.0/24', 'pools': [{'pool': '10.9.0.100 - 10.9.0.200'}]}],
}}, open('/tmp/kea.json', 'w'))
os.makedirs('/run/kea', exist_ok=True)
server = dhcp.start('kea-dhcp4', '-c', '/tmp/kea.json', ready=4,
                    env=dict(os.environ, KEA_PIDFILE_DIR='/run/kea', KEA_LOCKFILE_DIR='/run/kea'))
found = []
for case, (name, value) in enumerate({'iPXE, bare': b'iPXE', 'with RFC 3004 length': b'\x04iPXE'}.items()):
    answer = dhcp.discover(f'52:54:00:00:00:0{case}', (77, value), (175, b'\x01\x01\x01'))
    if answer is None:
        raise SystemExit('no answer: ' + open('/tmp/server.log').read()[-500:])
    found.append([224 + number in answer.options for number in range(len(tests))])
    for (test, fits) in zip(tests.values(), found[-1]):
        print(f'seen:     {name}: {test} is {fits}')
server.kill()
if not found[0][1]:
    raise SystemExit('.hex does not fit either')
verdict(not found[0][0])
PY
still "the test by .text is accepted and never true"
