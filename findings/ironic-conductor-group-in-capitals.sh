#!/usr/bin/env bash
# Conductor groups tie nodes to the conductors of their rack or site. Their names
# do not mind their case, say Ironic's documents. So one would give
# conductor_group = Rack-1 to a conductor and Rack-1 to its nodes.
#
# Ironic 29.0.5 (Debian 13): the conductor registers as "rack-1", but the API
# compares what a request says as it is: a node with conductor_group Rack-1 is
# refused (400, no conductor service registered for conductor group "Rack-1"),
# and a list of the nodes of Rack-1 is empty. Only lower case works.
#
# For a site: lower case everywhere. Usher takes any case in both places, and
# stores lower case as Ironic does.
. "$(dirname "$0")/lib.sh"
ironic_root
enter
ironic_up '[conductor]
conductor_group = Rack-1'

guess "a node of the group Rack-1 is created (201)"
in_root python3 - << 'PY' || otherwise $? "the case does not matter"
import ironic_client as ironic
from finding import verdict

conductor = ironic.call('GET', '/v1/conductors')[1]['conductors'][0]
print('seen:     ironic.conf says Rack-1, the conductor is of the group', conductor['conductor_group'])
found = {}
for group in ('rack-1', 'Rack-1'):
    found[group], node = ironic.call('POST', '/v1/nodes', {'driver': 'fake-hardware', 'conductor_group': group})
    print(f'seen:     a node of {group}:', found[group], node if found[group] != 201 else '')
for group in found:
    nodes = ironic.call('GET', f'/v1/nodes?conductor_group={group}')[1]['nodes']
    print(f'seen:     the list of {group} has', len(nodes), 'nodes')
if found['rack-1'] != 201:
    raise SystemExit('no node can be created at all')
verdict(found['Rack-1'] != 201)
PY
still "the group in ironic.conf may have capitals, the nodes' may not"
