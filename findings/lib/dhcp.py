"""A DHCPv4 client for the findings: asks on one end of the link that dhcp_link (lib.sh) makes."""
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


def start(*command, ready=1.5, **kwargs):
    """Starts a server and gives it time to open its sockets."""
    process = subprocess.Popen(command, stdout=open('/tmp/server.log', 'w'), stderr=subprocess.STDOUT, **kwargs)
    time.sleep(ready)
    if process.poll() is not None:
        raise SystemExit(open('/tmp/server.log').read())
    return process


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
