"""Ironic's own JSON-RPC server with a small conductor manager.

Usage: ironic_server.py CONFIG-FILE. Prints {"port": N} and serves until killed.
"""
import json
import sys
import time

import ironic.cmd  # makes the sockets eventlet's, as for a conductor
from ironic.conf import CONF  # registers Ironic's options
from ironic.common import context
from ironic.common import exception
from ironic.objects import base
from ironic_lib.json_rpc import server


class ConductorManager(object):

    target = None

    def init_host(self):
        raise AssertionError('on the deny list')

    def get_boot_config(self, context, node_id, name):
        if node_id == 'context':
            return context.request_id
        if node_id == 'nothing':
            return None
        if node_id == 'locked':
            raise exception.NodeLocked(node='n', host='192.0.2.1')
        if node_id == 'crash':
            raise ValueError('an internal matter')
        if node_id.startswith('raise '):
            raise getattr(exception, node_id[6:])('a message for ' + node_id)
        return '#!ipxe\n# %s <é漢> of %s\n' % (name, node_id)


CONF(['--config-file', sys.argv[1]], project='ironic')
service = server.WSGIService(ConductorManager(),
                             base.IronicObjectSerializer(is_server=True),
                             context.RequestContext.from_dict)
service.start()
print(json.dumps({'port': service.server.port}), flush=True)
while True:
    time.sleep(3600)  # eventlet's: lets the server run
