#!/usr/bin/env bash
# GET /v1/nodes/NODE?fields=conductor tells which conductor serves a node. For
# the whole site one would ask GET /v1/nodes?fields=uuid,conductor.
#
# Ironic 29.0.5 (Debian 13; 21.4.4 and 39.0.0 the same): 200 for one node, 500
# for the list: "type object 'Node' has no attribute 'conductor'". So it is with
# allocation_uuid and chassis_uuid. A list with ?detail=True has all three.
#
# For a site: "openstack baremetal node list --fields uuid conductor" fails, use
# --long. Usher's management API answers both ways.
. "$(dirname "$0")/lib.sh"
ironic_root
enter
ironic_up

guess "a field of one node is a field of the list, too"
in_root python3 - << 'PY' || otherwise $? "the list has these fields now"
import ironic_client as ironic
from finding import verdict

ironic.create_node('one')
still = False
for field in ('driver', 'conductor', 'allocation_uuid', 'chassis_uuid'):
    one, _ = ironic.call('GET', '/v1/nodes/one?fields=' + field)
    many, text = ironic.call('GET', '/v1/nodes?fields=' + field)
    print(f"seen:     {field}: one node {one}, list {many} {text if many != 200 else ''}")
    still = still or (one, many) == (200, 500)
detail = ironic.call('GET', '/v1/nodes?detail=True')[1]['nodes'][0]
print('seen:     ?detail=True has', [f for f in ('conductor', 'allocation_uuid', 'chassis_uuid') if f in detail])
verdict(still)
PY
still "some fields are internal errors in a list"
