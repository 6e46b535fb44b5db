#!/usr/bin/env bash
# Ironic's [DEFAULT]hash_ring_algorithm takes one of a list of names, and refuses
# others at its start. One would guess that each name on the list works.
#
# Ironic 29.0.5 with tooz 6.3.0 (Debian 13; 21.4.4 the same): the list is Python's
# hashlib.algorithms_guaranteed, which holds shake_128 and shake_256. Their
# digests have no length of their own, and tooz names none. API and conductor
# start without a word, the conductor registers, and then whatever needs the ring
# is 500: "hexdigest() missing required argument 'length'".
#
# For a site: take md5 or sha256. Usher's errors name the option and say so.
. "$(dirname "$0")/lib.sh"
ironic_root
enter
ironic_up 'hash_ring_algorithm = shake_128'
version "$(in_root python3 -c 'from importlib.metadata import version; print("tooz", version("tooz"))')"

guess "the option is refused at the start, or a node can be created (201)"
in_root python3 - << 'PY' || otherwise $? "a node can be created"
import ironic_client as ironic
from finding import verdict

status, conductors = ironic.call('GET', '/v1/conductors')
print('seen:     Ironic has started; conductors:', [c['hostname'] for c in conductors['conductors']])
status, text = ironic.call('POST', '/v1/nodes', {'name': 'one', 'driver': 'fake-hardware'})
print('seen:     create a node:', status, text)
verdict(status == 500)
PY
still "the option takes a value with which nothing works"
