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
import dhcp
from finding import verdict

tests = ["option[77].text == 'iPXE'", "option[77].hex == 'iPXE'", 'option[175].exists']
# Each class answers with an option of its own, 224 and on.
command = dhcp.kea(**{'client-classes': [
    {'name': f'class{number}', 'test': test, 'option-data': [
        {'code': 224 + number, 'space': 'dhcp4', 'data': '01', 'csv-format': False, 'always-send': True}]}
    for number, test in enumerate(tests)]})
clients = {'iPXE, bare': b'iPXE', 'with RFC 3004 length': b'\x04iPXE'}
fits = {}
with dhcp.running(command):
    for case, (client, value) in enumerate(clients.items()):
        answer = dhcp.offer(f'52:54:00:00:00:0{case}', (77, value), (175, b'\x01\x01\x01'))
        for number, test in enumerate(tests):
            fits[client, test] = 224 + number in answer.options
            print(f'seen:     {client}: {test} is', fits[client, test])
if not fits['iPXE, bare', tests[1]]:
    raise SystemExit('.hex does not fit either')
verdict(not fits['iPXE, bare', tests[0]])
PY
still "the test by .text is accepted and never true"
