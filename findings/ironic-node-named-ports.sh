#!/usr/bin/env bash
# Ironic refuses a node called "detail" or "states", since these words follow
# /v1/nodes/ in URLs of its API. One would guess that it refuses all words that
# do.
#
# Ironic 29.0.5 (Debian 13) accepts ports, portgroups, volume, vifs, traits,
# bios, firmware, inventory, history, children, allocation and vmedia. The node
# is created (201) and listed, takes part in everything by its UUID, and even
# changes its provision state by its name (202), but GET, PATCH and DELETE by
# name are 404: the name leads to a part of the API that needs a node before it.
#
# For a site: look names up in a list (?fields=uuid,name) rather than in the
# path, or keep to names with a digit or a hyphen. Usher has no such
# sub-resources below /v1/nodes/ and finds these nodes.
. "$(dirname "$0")/lib.sh"
ironic_root
enter
ironic_up

guess "a node name is either refused (400) or found by GET /v1/nodes/NAME (200)"
in_root python3 - << 'PY' || otherwise $? "all these names are refused, or found"
import ironic_client as ironic
from finding import verdict

assert ironic.call('POST', '/v1/nodes', {'name': 'detail', 'driver': 'fake-hardware'})[0] == 400
lost = []
for name in ('ports', 'portgroups', 'volume', 'vifs', 'traits', 'bios', 'firmware',
             'inventory', 'history', 'children', 'allocation', 'vmedia', 'power', 'lookup'):
    created, node = ironic.call('POST', '/v1/nodes', {'name': name, 'driver': 'fake-hardware'})
    if created != 201:
        print(f'seen:     {name}: refused, {created} {node}')
        continue
    by_uuid = ironic.call('GET', '/v1/nodes/' + node['uuid'])[0]
    by_name = ironic.call('GET', '/v1/nodes/' + name)[0]
    state = ironic.call('PUT', f'/v1/nodes/{name}/states/provision', {'target': 'manage'})[0]
    print(f'seen:     {name}: created {created}, GET by UUID {by_uuid}, by name {by_name}, '
          f'new provision state by name {state}')
    if (by_uuid, by_name) == (200, 404):
        lost.append(name)
verdict(lost)
PY
still "some names are accepted, and then not found"
