#!/usr/bin/env bash
# A DHCP server that boots several kinds of machines goes by option 93, the
# client's architecture, which PXE firmware has in each of its DHCP messages
# (RFC 4578). One would guess that POWER's firmware, too, says it is 12.
#
# SLOF, as QEMU 10.0.13 has it (Debian 13), says it in the REQUEST only. Its
# DISCOVER has neither 93 nor a vendor class. So an OFFER is made without knowing
# what asks, and what the server decides by then (which pool or subnet, or not to
# answer at all) is decided for an unknown client; only the ACK can have the
# right boot file.
#
# For a site: do not answer by architecture alone, and let rules for 12 name a
# file only. "usher dnsmasq" gives addresses to everyone.
. "$(dirname "$0")/lib.sh"
debian trixie python3 qemu-system-ppc=1:10.0.13+ds-0+deb13u1
enter

guess "DISCOVER and REQUEST both have option 93, 000c"
in_root python3 - << 'PY' || otherwise $? "SLOF says it in each message"
import re
import struct
import subprocess
import time
from finding import verdict

CAPTURE = '/tmp/capture'
machine = subprocess.Popen(
    ['qemu-system-ppc64', '-M', 'pseries', '-accel', 'tcg', '-m', '1024', '-nographic', '-vga', 'none',
     '-boot', 'order=n',
     '-netdev', 'user,id=net,bootfile=boot,tftp=/tmp',
     '-device', 'virtio-net-pci,netdev=net,mac=52:54:00:00:00:01,romfile=',
     '-object', f'filter-dump,id=dump,netdev=net,file={CAPTURE}'],
    stdin=subprocess.DEVNULL, stdout=open('/tmp/console', 'w'), stderr=subprocess.STDOUT)


def requests():
    """The options of each DHCP message that the machine has sent."""
    try:
        rest = open(CAPTURE, 'rb').read()[24:]
    except FileNotFoundError:
        return []
    found = []
    while len(rest) >= 16:
        length, = struct.unpack('<I', rest[8:12])
        frame, rest = rest[16:16 + length], rest[16 + length:]
        if frame[12:14] != b'\x08\0' or frame[23:24] != b'\x11' or frame[36:38] != b'\0\x43':
            continue
        options, field = {}, frame[42 + 240:]
        while field and field[0] != 255:
            if field[0] == 0:
                field = field[1:]
                continue
            options[field[0]] = field[2:2 + field[1]]
            field = field[2 + field[1]:]
        found.append(options)
    return found


asked = False
for _ in range(300):
    asked = any(options.get(53) == b'\x03' for options in requests())
    if asked or machine.poll() is not None:
        break
    time.sleep(1)
machine.kill()
machine.wait()
if not asked:
    raise SystemExit(open('/tmp/console').read()[-800:])
banner = re.search(r'FW Version = (\S+ \S+|\S+)', open('/tmp/console').read())
print('version:  SLOF', banner.group(1) if banner else '')
late = {}
for options in requests():
    name = {b'\x01': 'DISCOVER', b'\x03': 'REQUEST'}.get(options.get(53), 'another')
    late[name] = options.get(93, b'').hex()
    print(f"seen:     {name}: option 93 is {late[name] or 'not there'},",
          f"60 is {'there' if 60 in options else 'not there'}, asks for", list(options.get(55, b'')))
verdict(not late['DISCOVER'] and late['REQUEST'] == '000c')
PY
still "SLOF names its architecture in the REQUEST, not in the DISCOVER"
