#!/usr/bin/env bash
# A conductor of Ironic's locks a node while it works on it (the node's field
# "reservation"), and at its start frees what it had locked when it was killed.
# One would guess that this works with any [json_rpc]port.
#
# Ironic 29.0.5 (Debian 13; 39.0.0 the same): with JSON-RPC on a port other than
# 8089 the conductor registers as host:port, and frees the locks of that name.
# But it locks nodes under the bare host. So a node that was locked when the
# conductor died stays locked for good: every request for it is told 409.
#
# For a site: with such a port (Metal3 uses 6189), look for reservations that no
# conductor has after a crash, and clear them in the database. Usher's own
# conductors lock and register under one name.
. "$(dirname "$0")/lib.sh"
ironic_root
enter
# A web server that sends 1 byte of the kernel every second: long work.
in_root python3 - << 'PY' &
import http.server
import time


class Slow(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_response(200)
        self.send_header('Content-Length', '1000')
        self.end_headers()

    def do_GET(self):
        self.do_HEAD()
        for _ in range(1000):
            self.wfile.write(b'x')
            self.wfile.flush()
            time.sleep(1)

    def log_message(self, *args):
        pass


http.server.ThreadingHTTPServer(('127.0.0.1', 8080), Slow).serve_forever()
PY
ironic_up 'rpc_transport = json-rpc'

guess "after kill -9 and a new start of the conductor the node's lock is gone"
in_root python3 - << 'PY'
import time
import ironic_client as ironic

conductor = ironic.call('GET', '/v1/conductors')[1]['conductors'][0]['hostname']
print('seen:     the conductor is registered as', conductor)
node = ironic.create_node('locked', deploy_interface='ramdisk', instance_info={
    'kernel': 'http://127.0.0.1:8080/kernel', 'ramdisk': 'file:///finding/images/ramdisk'})
ironic.create_port(node, '52:54:00:00:00:01')
ironic.make_available('locked')
ironic.provision('locked', 'active', 'deploying')
time.sleep(2)
print('seen:     while it works, the lock says', ironic.call('GET', '/v1/nodes/locked')[1]['reservation'])
PY
kill -9 "$ironic"
wait "$ironic" 2> /dev/null || true
ironic_up 'rpc_transport = json-rpc'
in_root python3 - << 'PY' || otherwise $? "the lock was freed"
import time
import ironic_client as ironic
from finding import verdict

for _ in range(4):
    node = ironic.call('GET', '/v1/nodes/locked')[1]
    status, text = ironic.call('PUT', '/v1/nodes/locked/states/provision', {'target': 'deleted'})
    print(f"seen:     the conductor is back: {node['provision_state']}, lock {node['reservation']};",
          'a request is told', status)
    time.sleep(5)
verdict(node['reservation'] is not None)
PY
still "the lock of a killed conductor stays"
