"""A web server and one virtual machine that boots from it, for the findings."""
import http.server
import re
import subprocess
import threading
import time

MAC = '52:54:00:00:00:01'


class Site:
    """A web server that answers the paths in files with their content, others with 404, and notes who
    asked when. A function answer may answer first; it then returns True."""

    def __init__(self, answer=None, address='127.0.0.1'):
        self.files, self.asked, self.answer = {}, [], answer
        self.finished, self.since = threading.Event(), time.monotonic()
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_GET(self):
                self.path = self.raw_requestline.decode('latin1').split()[1]  # http.server drops doubled slashes
                site.asked.append((round(time.monotonic() - site.since, 1), self.path))
                if self.path == '/finished':
                    site.finished.set()
                if site.answer and site.answer(self):
                    return
                content = site.files.get(self.path)
                if content is None:
                    self.reply(404, '# not found\n')
                else:
                    self.reply(200, content)

            def reply(self, status, content, *headers):
                content = content.encode() if isinstance(content, str) else content
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header('Content-Type', 'text/plain')
                self.send_header('Content-Length', str(len(content)))
                self.end_headers()
                if self.command != 'HEAD':
                    self.wfile.write(content)

            do_HEAD = do_GET

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, address):
                pass  # firmware leaves its connections without a word

        server = Server((address, 0), Handler)
        self.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def url(self):
        """The Site's URL on QEMU's user network."""
        return f'http://10.0.2.2:{self.port}'

    def paths(self):
        return [path for _, path in self.asked]

    def boot(self, file, seconds, uefi=False, tftp='', until=None, arguments=()):
        """Boots a machine on QEMU's own user network: 10.0.2.2 there is loopback here, and QEMU is the DHCP
        server, which names file, and the TFTP server. Returns what the machine's console said until
        /finished was asked for, until was on the console, or the time was over."""
        network = f'user,id=net,bootfile={file}' + (f',tftp={tftp}' if tftp else '')
        return self.run(network, seconds, uefi, until, arguments)

    def http_boot(self, url, seconds, until=None):
        """Boots a machine with UEFI HTTP boot from url, on the link of http_boot_link (lib.sh), where dnsmasq
        is the DHCP server. The Site's address must be 10.9.0.1."""
        dhcp = subprocess.Popen(['dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--port=0', '--interface=tap0',
                                 '--bind-interfaces', '--leasefile-ro', '--user=root', '--no-ping',
                                 '--dhcp-range=10.9.0.100,10.9.0.200', '--dhcp-match=set:http,option:client-arch,16',
                                 '--dhcp-option-force=tag:http,option:vendor-class,HTTPClient',
                                 '--dhcp-boot=tag:http,' + url], stderr=subprocess.DEVNULL)
        # Straight to HTTP boot, without PXE's attempts before it.
        only = sum((['-fw_cfg', f'name=opt/org.tianocore/IPv{v}PXESupport,string=n'] for v in (4, 6)), [])
        try:
            return self.run('tap,id=net,ifname=tap0,script=no,downscript=no', seconds, True, until,
                            only + ['-cpu', 'max'])
        finally:
            dhcp.kill()
            dhcp.wait()

    def run(self, network, seconds, uefi, until, arguments):
        command = ['qemu-system-x86_64', '-accel', 'tcg', '-m', '512', '-nographic', '-no-reboot', '-boot', 'n',
                   '-machine', 'q35' if uefi else 'pc', '-netdev', network,
                   '-device', f'virtio-net-pci,netdev=net,mac={MAC}' + (',romfile=' if uefi else '')]
        if uefi:  # by its own network stack: no iPXE in the NIC's ROM
            for name in ('CODE', 'VARS'):
                command += ['-drive', f'if=pflash,format=raw,snapshot=on,file=/usr/share/OVMF/OVMF_{name}_4M.fd']
        machine = subprocess.Popen(command + list(arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        said = bytearray()

        def read():
            while piece := machine.stdout.read1():
                said.extend(piece)

        threading.Thread(target=read, daemon=True).start()
        self.since = time.monotonic()
        while time.monotonic() - self.since < seconds and machine.poll() is None:
            if self.finished.wait(0.5) or until and until in said.decode('latin1'):
                time.sleep(1)  # for what it says next
                break
        machine.kill()
        machine.wait()
        return re.sub(r'\x1b(\[[0-9;?=]*[A-Za-z]|c)|\r', '', said.decode('latin1'))
