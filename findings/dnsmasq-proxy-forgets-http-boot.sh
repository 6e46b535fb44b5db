#!/usr/bin/env bash
# Where the DHCP server belongs to somebody else, dnsmasq can stand beside it as
# a proxy: the other gives addresses, dnsmasq adds what PXE clients boot. One
# would guess that it adds to UEFI HTTP boot the same way: it has --dhcp-boot
# with a URL, and knows architecture 16.
#
# dnsmasq 2.91 (Debian 13; 2.90 and 2.93 the same): a proxy answers only clients
# whose vendor class begins with PXEClient. HTTPClient gets no packet at all, and
# no line in the log says why. The same rules in a dnsmasq that gives addresses
# work.
#
# For a site: UEFI HTTP boot needs its rule in the server that gives the
# addresses. "usher dnsmasq" prints such a configuration, not one for a proxy.
. "$(dirname "$0")/lib.sh"
dhcp_root
enter
dhcp_link

guess "PXE and HTTP boot are both answered by the proxy"
in_root python3 - << 'PY' || otherwise $? "the proxy answers HTTP boot, too"
import dhcp
from finding import verdict

RULES = '''
dhcp-match=set:http,option:client-arch,16
dhcp-option-force=tag:http,option:vendor-class,HTTPClient
dhcp-boot=tag:http,http://10.9.0.1/snponly.efi
pxe-service=x86-64_EFI,"boot",snponly.efi
'''


def ask(kind, arch, mac, pool='10.9.0.100,10.9.0.200'):
    """Lets one kind of firmware ask a dnsmasq with this dhcp-range."""
    with dhcp.running(dhcp.dnsmasq(RULES, pool)):
        return dhcp.discover(mac, (60, f'{kind}:Arch:000{arch:02}:UNDI:003000'.encode()), dhcp.architectures(arch),
                             (94, b'\x01\x03\x00'), (97, bytes(17)))


pxe = ask('PXEClient', 7, '52:54:00:00:00:01', '10.9.0.0,proxy')
http = ask('HTTPClient', 16, '52:54:00:00:00:02', '10.9.0.0,proxy')
full = ask('HTTPClient', 16, '52:54:00:00:00:03')
print('seen:     proxy, PXE firmware:', f'answered, vendor class {pxe.text(60)}' if pxe else 'no answer')
print('seen:     proxy, HTTP boot:', f'answered, {http.boot_file()}' if http else 'no answer')
print('seen:     giving addresses, HTTP boot:', f'answered, {full.boot_file()}' if full else 'no answer')
if not (pxe and full):
    raise SystemExit('dnsmasq does not answer at all')
verdict(not http)
PY
still "dnsmasq as a proxy does not answer HTTP boot"
