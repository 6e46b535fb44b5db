#!/usr/bin/env bash
# python-ironicclient asks again, six times and 2 s apart, when an answer is 503
# or 409. A server that knows better says so in Retry-After. One would guess that
# the client waits that long, or at worst asks again as without the header.
#
# python-ironicclient 5.10.0 (Debian 13; 6.3.0 the same): any error with a
# Retry-After header, of whatever status and number, ends the command at once:
# "HttpError.__init__() got an unexpected keyword argument 'retry_after'". Neither
# a second try, nor the server's message. Ironic never sends the header; a load
# balancer before it may.
#
# For a site: no Retry-After on the way to "openstack baremetal". In Usher the
# header belongs to the boot API, where iPXE goes by it, and not to the management
# API.
. "$(dirname "$0")/lib.sh"
debian trixie python3-ironicclient=5.10.0-5 python3-openstackclient=7.4.0-3
enter

guess "with Retry-After: 1 the client asks again and succeeds"
in_root python3 - << 'PY' || otherwise $? "the client asks again, too, with Retry-After"
import http.server
import json
import subprocess
import threading
from finding import verdict

FAULT = json.dumps({'error_message': json.dumps({'faultcode': 'Server', 'faultstring': 'The conductor is starting.'})})


class Busy(http.server.BaseHTTPRequestHandler):
    """Answers 503 once, then 200."""
    protocol_version = 'HTTP/1.1'
    asked, retry_after = 0, None

    def do_GET(self):
        Busy.asked += 1
        busy = Busy.asked == 1
        body = (FAULT if busy else '{"nodes": []}').encode()
        self.send_response(503 if busy else 200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.send_header('X-OpenStack-Ironic-API-Version', self.headers['X-OpenStack-Ironic-API-Version'])
        if busy and Busy.retry_after:
            self.send_header('Retry-After', Busy.retry_after)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Busy)
threading.Thread(target=server.serve_forever, daemon=True).start()
codes = []
for Busy.retry_after in (None, '1'):
    Busy.asked = 0
    client = subprocess.run(['openstack', '--os-auth-type', 'none', '--os-endpoint',
                             f'http://127.0.0.1:{server.server_port}', 'baremetal', 'node', 'list'],
                            capture_output=True, text=True)
    codes.append(client.returncode)
    print(f'seen:     503 with Retry-After {Busy.retry_after}: asked {Busy.asked} times, exit code {client.returncode}',
          client.stderr.strip())
if codes[0] != 0:
    raise SystemExit('the client fails without the header, too')
verdict(codes[1] != 0)
PY
still "an error with Retry-After is a TypeError in the client"
