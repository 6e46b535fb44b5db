"""Asks tooz for the owners of keys: the owner first, then the next hosts.

Reads a JSON list of {algorithm, exponent, hosts, keys} from standard input,
or with --vectors makes its own, and writes the list with "owners" added:
for each key the indices of all hosts in the order of the ring.
"""
import hashlib
import json
import sys
import uuid

from tooz import hashring

NAMES = {
    'address': ['192.0.2.11', '192.0.2.12', '192.0.2.13'],
    'host:port': ['192.0.2.11:8090', 'conductor-1.example.com:8089',
                  '[2001:db8::1]:8089', '192.0.2.11:8091'],
    'ipv6': ['2001:db8::1', '2001:db8::2', 'fe80::1%eth0'],
    'utf-8': ['münchen-0', '東京-1', 'кондуктор-2', 'e\u0301te\u0301-3',
              '\u00e9t\u00e9-3', '\U0001f5a5-4'],
    'odd': ['', ' ', 'a', 'A', 'x' * 100],
}


def owners(ring, index, key):
    found = []
    while len(found) < len(index):
        found.append(ring.get_nodes(key.encode('utf-8'),
                                    ignore_nodes=found).pop())
    return [index[host] for host in found]


def vectors():
    keys = [str(uuid.uuid5(uuid.NAMESPACE_DNS, 'node-%d' % i))
            for i in range(8)] + ['', 'ключ', 'k' * 150]
    for algorithm in sorted(hashlib.algorithms_guaranteed):
        if algorithm.startswith('shake_'):
            continue
        for name, hosts in NAMES.items():
            for exponent in (0, 3, 6):
                yield {'name': '%s/%s/%d' % (algorithm, name, exponent),
                       'algorithm': algorithm, 'exponent': exponent,
                       'hosts': hosts, 'keys': keys}


questions = list(vectors()) if '--vectors' in sys.argv else json.load(sys.stdin)
out = []
for q in questions:
    ring = hashring.HashRing(q['hosts'], partitions=2 ** q['exponent'],
                             hash_function=q['algorithm'])
    index = {host: i for i, host in enumerate(q['hosts'])}
    q['owners'] = [owners(ring, index, key) for key in q['keys']]
    out.append(json.dumps(q))
print('[' + ',\n'.join(out) + ']')
