"""Ironic's own JSON-RPC client.

Usage: ironic_client.py CONFIG-FILE. Reads a JSON list of
{"host", "method", "params", "cast"} from standard input, calls one after the
other, and prints the list of {"result"} or {"class", "code", "message"}.
"""
import json
import sys

from ironic.conf import CONF  # registers Ironic's options
from ironic.common import context
from ironic.objects import base
from ironic_lib.json_rpc import client

CONF(['--config-file', sys.argv[1]], project='ironic')
rpc = client.Client(serializer=base.IronicObjectSerializer(), version_cap='1.55')
ctx = context.RequestContext(
    request_id='req-4cf30908-e331-4bd3-a9bd-b776878a814c')
out = []
for call in json.load(sys.stdin):
    prepared = rpc.prepare(topic='ironic.conductor_manager.' + call['host'],
                           version='1.55')
    # Ironic cuts the topic at its first dot.
    prepared.host = call['host']
    try:
        do = prepared.cast if call.get('cast') else prepared.call
        out.append({'result': do(ctx, call['method'], **call['params'])})
    except Exception as e:
        out.append({'class': type(e).__name__, 'code': getattr(e, 'code', 0),
                    'message': str(e)})
print(json.dumps(out))
