"""Rows as Ironic's conductor and API write them, by Ironic's own database API."""
import sys

from ironic.common import config

# Before the import of the API, which reads options while it is loaded.
config.parse_args(sys.argv)

from ironic.common import states  # noqa: E402
from ironic.db.sqlalchemy import api  # noqa: E402

db = api.Connection()
ids = []
for host, group in (('127.0.0.11', ''), ('127.0.0.12', 'rack1')):
    conductor = db.register_conductor({'hostname': host, 'drivers': ['manual-management'],
                                       'conductor_group': group, 'version': '1.3'})
    db.register_conductor_hardware_interfaces(conductor.id, [
        {'hardware_type': 'manual-management', 'interface_type': 'boot', 'interface_name': 'ipxe', 'default': True},
        {'hardware_type': 'manual-management', 'interface_type': 'boot', 'interface_name': 'pxe', 'default': False}])
    ids.append(conductor.id)
db.unregister_conductor('127.0.0.12')

node = db.create_node({
    'uuid': '8733b875-30ea-5929-9b3b-8c04ada0b065', 'name': 'ipxe-1', 'driver': 'manual-management',
    'boot_interface': 'ipxe', 'conductor_group': 'rack1', 'conductor_affinity': ids[1],
    'provision_state': states.DEPLOYWAIT, 'driver_info': {'ipmi_password': 'secret'},
    'instance_info': {'configdrive': 'secret'}, 'driver_internal_info': {'agent_secret_token': 'secret'}})
bare = db.create_node({'uuid': '11111111-2222-3333-4444-555555555555'})
db.create_port({'uuid': 'aaaaaaaa-2222-3333-4444-555555555555', 'node_id': node.id, 'address': '52:54:00:aa:f0:16',
                'extra': {'client-id': 'x'}})
db.create_port({'uuid': 'bbbbbbbb-2222-3333-4444-555555555555', 'node_id': bare.id, 'address': '52:54:00:aa:f0:17'})
