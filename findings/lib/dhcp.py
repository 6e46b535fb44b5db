"""A DHCPv4 client for the findings: asks on one end of the link that dhcp_link (lib.sh) makes."""
import contextlib
import json
import os
import socket
import struct
import subprocess
import time

CLIENT, SERVER = 'client0', 'server0'
# What PXE firmware asks for, as far as boot servers care: 43, 60, 66, 67.
REQUESTED = bytes([1, 3, 6, 43, 60, 66, 67, 224])


def architectures(*numbers):
    """Option 93, a list of 16-bit numbers (RFC 4578)."""
    return 93, struct.pack(f'!{len(numbers)}H', *numbers)


def dnsmasq(rules, pool='10.9.0.100,10.9.0.200'):
    """Writes a configuration of dnsmasq with these rules; returns the command that runs it."""
    with open('/tmp/dnsmasq.conf', 'w') as file:
        file.write(f'port=0\ninterface={SERVER}\nbind-interfaces\nleasefile-ro\nno-ping\ndhcp-range={pool}\n{rules}\n')
    return ['dnsmasq', '--no-daemon', '--user=root', '--conf-file=/tmp/dnsmasq.conf']


def kea(**settings):
    """The same for Kea."""
    os.makedirs('/run/kea', exist_ok=True)
    with open('/tmp/kea.json', 'w') as file:
        json.dump({'Dhcp4': {
            'interfaces-config': {'interfaces': [SERVER], 'service-sockets-max-retries': 100},
            'lease-database': {'type': 'memfile', 'persist': False},
            'subnet4': [{'id': 1, 'subnet': '10.9.0.0/24', 'pools': [{'pool': '10.9.0.100 - 10.9.0.200'}]}],
            **settings}}, file)
    return ['env', 'KEA_PIDFILE_DIR=/run/kea', 'KEA_LOCKFILE_DIR=/run/kea', 'kea-dhcp4', '-c', '/tmp/kea.json']


def dhcpd(rules):
    """The same for ISC dhcpd."""
    open('/tmp/dhcpd.leases', 'w').close()
    with open('/tmp/dhcpd.conf', 'w') as file:
        file.write(f'{rules}\nsubnet 10.9.0.0 netmask 255.255.255.0 {{ range 10.9.0.100 10.9.0.200; }}\n')
    return ['dhcpd', '-4', '-f', '-d', '-cf', '/tmp/dhcpd.conf', '-lf', '/tmp/dhcpd.leases', '-pf', '/tmp/dhcpd.pid',
            SERVER]


@contextlib.contextmanager
def running(command):
    """Runs a server, which has 4 s to open its sockets; they say so in different ways or not at all."""
    with open('/tmp/server.log', 'w') as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
    time.sleep(4)
    if process.poll() is not None:
        raise SystemExit(log())
    try:
        yield
    finally:
        process.kill()
        process.wait()


def log():
    with open('/tmp/server.log') as file:
        return file.read()


def offer(mac, *options, requested=REQUESTED):
    """Like discover, but to have no answer is a failure."""
    answer = discover(mac, *options, requested=requested)
    if answer is None:
        raise SystemExit('no answer; the server says:\n' + log()[-800:])
    return answer


def discover(mac, *options, requested=REQUESTED, timeout=5):
    """Sends a DISCOVER with these (code, bytes) options; returns the first answer, or None."""
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    link.bind((CLIENT, 0x0800))
    xid, hardware = os.urandom(4), bytes.fromhex(mac.replace(':', ''))
    body = struct.pack('!BBBB4sHH16x16s192x', 1, 1, 6, 0, xid, 0, 0x8000, hardware) + b'\x63\x82\x53\x63'
    for code, value in ((53, b'\x01'), (55, requested), *options):
        body += bytes([code, len(value)]) + value
    body = (body + b'\xff').ljust(300, b'\0')
    ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 28 + len(body), 0, 0, 64, 17, 0, bytes(4), b'\xff' * 4)
    checksum = sum(struct.unpack('!10H', ip))
    checksum = ~((checksum & 0xffff) + (checksum >> 16)) & 0xffff
    ip = ip[:10] + struct.pack('!H', checksum) + ip[12:]
    udp = struct.pack('!HHHH', 68, 67, 8 + len(body), 0)
    link.send(b'\xff' * 6 + hardware + b'\x08\0' + ip + udp + body)
    end = time.monotonic() + timeout
    while (left := end - time.monotonic()) > 0:
        link.settimeout(left)
        try:
            packet = link.recv(2048)
        except socket.timeout:
            return None
        if packet[23:24] == b'\x11' and packet[36:38] == b'\0\x44' and packet[46:50] == xid and packet[42] == 2:
            return Answer(packet[42:])
    return None


class Answer:
    """The fields of a DHCP answer that matter to a boot."""

    def __init__(self, packet):
        self.address = socket.inet_ntoa(packet[16:20])
        self.next_server = socket.inet_ntoa(packet[20:24])
        self.file = packet[108:236].split(b'\0')[0].decode('latin1')
        self.options, rest = {}, packet[240:]
        while rest and rest[0] != 255:
            if rest[0] == 0:
                rest = rest[1:]
                continue
            self.options[rest[0]] = self.options.get(rest[0], b'') + rest[2:2 + rest[1]]
            rest = rest[2 + rest[1]:]

    def text(self, code):
        return self.options.get(code, b'').rstrip(b'\0').decode('latin1')

    def boot_file(self):
        """What firmware loads: option 67, else the field of the header."""
        return self.text(67) or self.file
