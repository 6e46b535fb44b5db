#!/usr/bin/env bash
# A node whose deploy interface is "ramdisk" boots its kernel and ramdisk at
# every power-on. To give it new ones, one would set instance_info and ask for
# "rebuild", as for a node with a disk.
#
# Ironic 29.0.5 (Debian 13; 39.0.0 the same) answers the rebuild of an active
# ramdisk node with 500, "cannot access local variable 'auto_lessee'". And
# "service", the other way to touch an active node, ends in service failed:
# "'deploy_kernel'". The node stays as it was.
#
# For a site: undeploy and deploy again. On Usher's own inventory a rebuild of
# such a node works; beside Ironic, "usher explain" should not advise it.
. "$(dirname "$0")/lib.sh"
ironic_root
enter
ironic_up

guess "rebuild: 202, and the node is active again"
in_root python3 - << 'PY' || otherwise $? "rebuild is no longer an internal error"
import ironic_client as ironic
from finding import verdict

ironic.ramdisk_node('diskless', '52:54:00:00:00:01')
ironic.provision('diskless', 'active', 'active')
status, text = ironic.call('PUT', '/v1/nodes/diskless/states/provision', {'target': 'rebuild'})
print('seen:     rebuild:', status, text)
state, error = ironic.provision('diskless', 'service', 'service failed', 'service wait', 'active',
                                service_steps=[{'interface': 'deploy', 'step': 'erase_devices'}])
print(f'seen:     service: {state}, {error}')
verdict(status == 500)
PY
still "an active ramdisk node cannot be rebuilt"
