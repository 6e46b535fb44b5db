#!/usr/bin/env bash
# To see what a site does without one of its conductors one kills it, kill -9 of
# the service's process: the conductor vanishes without a word, as in a power
# cut, and others take over when its heartbeats have been missing for a minute.
#
# Ironic 39.0.0 (Debian sid) runs a conductor as a master process and a worker.
# kill -9 of the master, the one that the service manager knows, leaves the worker
# alive for a second; it notices, stops in good order and takes the conductor off
# the list. The others take over at once, and nothing of what a crash does has
# been tried: no stale heartbeat, no time with a dead conductor in the ring. In
# 29.0.5 there is one process, and the kill is a crash.
#
# For a site: in a rehearsal kill both processes at once (the service's whole
# control group). "usher conductor" is one process.
. "$(dirname "$0")/lib.sh"
debian sid ironic-conductor=1:39.0.0-6 procps=2:4.0.7-1
enter
site=$root/finding
cat > "$site/ironic.conf" << 'CONF'
[DEFAULT]
auth_strategy = noauth
rpc_transport = json-rpc
host = 127.0.0.1
my_ip = 127.0.0.1
state_path = /finding
enabled_hardware_types = fake-hardware
enabled_bios_interfaces = fake
enabled_boot_interfaces = fake
enabled_console_interfaces = fake
enabled_deploy_interfaces = fake
enabled_firmware_interfaces = fake
enabled_inspect_interfaces = fake
enabled_management_interfaces = fake
enabled_network_interfaces = noop
default_network_interface = noop
enabled_power_interfaces = fake
enabled_raid_interfaces = fake
enabled_rescue_interfaces = fake
enabled_storage_interfaces = noop
enabled_vendor_interfaces = fake
[json_rpc]
host_ip = 127.0.0.1
[database]
connection = sqlite:////finding/ironic.db
[oslo_concurrency]
lock_path = /finding
CONF
in_root ironic-dbsync --config-file /finding/ironic.conf create_schema > "$site/schema.log" 2>&1 ||
  broken "ironic-dbsync: $(tail -n 3 "$site/schema.log")"

guess "after kill -9 the conductor stays online in the database until it has been silent for a minute"
in_root python3 - << 'PY' || otherwise $? "the conductor is not taken off the list"
import os
import sqlite3
import subprocess
import time
from finding import verdict


def online():
    try:
        database = sqlite3.connect('file:/finding/ironic.db?mode=ro', uri=True)
        rows = database.execute('SELECT online FROM conductors').fetchall()
    except sqlite3.OperationalError:
        rows = []
    return [row[0] for row in rows]


service = subprocess.Popen(['ironic-conductor', '--config-file', '/finding/ironic.conf'],
                           stdout=open('/finding/conductor.log', 'w'), stderr=subprocess.STDOUT)
for _ in range(600):
    if online() == [1] and 'Created RPC server' in open('/finding/conductor.log').read():
        break
    time.sleep(0.2)
else:
    raise SystemExit(open('/finding/conductor.log').read()[-1000:])
workers = subprocess.run(['pgrep', '-P', str(service.pid)], capture_output=True, text=True).stdout.split()
print(f'seen:     process {service.pid} has the workers {workers}; online: {online()}')
os.kill(service.pid, 9)
service.wait()
killed = time.monotonic()
while online() == [1] and time.monotonic() - killed < 30:
    time.sleep(0.1)
print(f'seen:     {time.monotonic() - killed:.1f} s after kill -9: online: {online()}')
verdict(online() == [0])
PY
still "kill -9 of the service's process is an orderly stop"
