#!/usr/bin/python3
"""Plays conversation.jsonl to Debian's own Ironic and writes golden.json.

Starts ironic-api and ironic-conductor on a private SQLite database and
loopback ports that the kernel chose, in a temporary folder, and ends both.
Run without arguments, in this folder. Needs the Debian packages ironic-api
and ironic-conductor.
"""
import http.client
import json
import os
import pathlib
import re
import socket
import sqlite3
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).parent
HOST = '127.0.0.11'
KEPT_HEADERS = ('Content-Type', 'Location', 'X-Openstack-Ironic-Api-Version',
                'X-Openstack-Ironic-Api-Minimum-Version', 'X-Openstack-Ironic-Api-Maximum-Version')
CONF = """
[DEFAULT]
host = {host}
auth_strategy = noauth
rpc_transport = json-rpc
enabled_hardware_types = manual-management
enabled_boot_interfaces = ipxe,pxe
enabled_deploy_interfaces = direct,ramdisk,custom-agent
enabled_power_interfaces = fake
enabled_management_interfaces = noop
enabled_network_interfaces = noop
enabled_inspect_interfaces = no-inspect
enabled_rescue_interfaces = agent
enabled_raid_interfaces = no-raid
log_dir = {dir}/log
state_path = {dir}/state
my_ip = {host}
[api]
host_ip = {host}
port = {api}
api_workers = 1
max_limit = 1000
project_admin_can_manage_own_nodes = false
[json_rpc]
auth_strategy = noauth
host_ip = {host}
port = {rpc}
[database]
connection = sqlite:///{dir}/ironic.db
[deploy]
http_root = {dir}/http
[pxe]
tftp_root = {dir}/tftp
tftp_master_path = {dir}/tftp/master
images_path = {dir}/images
instance_master_path = {dir}/images/master
[conductor]
automated_clean = false
sync_power_state_interval = 0
node_locked_retry_attempts = 1
node_locked_retry_interval = 0
"""


def free_port():
    with socket.socket() as s:
        s.bind((HOST, 0))
        return s.getsockname()[1]


def ask(port, step):
    conn = http.client.HTTPConnection(HOST, port, timeout=60)
    headers = {'Accept': 'application/json', **step.get('headers', {})}
    if 'version' in step:
        headers['X-OpenStack-Ironic-API-Version'] = step['version']
    body = None
    if 'raw' in step:
        body = step['raw']
    elif 'body' in step:
        body = json.dumps(step['body'])
    if body is not None:
        headers.setdefault('Content-Type', 'application/json')
    conn.request(step.get('method', 'GET'), step['path'], body, headers)
    resp = conn.getresponse()
    text = resp.read().decode()
    base = 'http://%s:%d' % (HOST, port)
    text = text.replace(base, 'http://ironic')
    text = re.sub(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00', 'TIME', text)
    answer = {'status': resp.status,
              'headers': {k: resp.headers[k].replace(base, 'http://ironic')
                          for k in KEPT_HEADERS if k in resp.headers}}
    if text:
        try:
            answer['body'] = json.loads(text)
        except ValueError:
            answer['text'] = text
            return answer
        message = isinstance(answer['body'], dict) and answer['body'].get('error_message')
        if message:  # JSON inside JSON
            try:
                answer['body']['error_message'] = json.loads(message)
            except ValueError:
                pass
        if step.get('keys') and resp.status < 300:
            answer['body'] = sorted(answer['body'])
    return answer


def main():
    steps = [json.loads(line) for line in (HERE / 'conversation.jsonl').read_text().splitlines() if line]
    with tempfile.TemporaryDirectory() as d:
        ports = {'api': free_port(), 'rpc': free_port()}
        for sub in ('log', 'state', 'http', 'tftp/master', 'images/master'):
            os.makedirs(f'{d}/{sub}')
        conf = f'{d}/ironic.conf'
        pathlib.Path(conf).write_text(CONF.format(host=HOST, dir=d, **ports))
        subprocess.run(['ironic-dbsync', '--config-file', conf, 'create_schema'],
                       check=True, stderr=subprocess.DEVNULL)
        db = sqlite3.connect(f'{d}/ironic.db', timeout=30)
        db.execute('pragma journal_mode=wal')
        running = []
        try:
            for name, port in (('ironic-conductor', ports['rpc']), ('ironic-api', ports['api'])):
                running.append(subprocess.Popen([name, '--config-file', conf],
                                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
                for _ in range(300):
                    try:
                        socket.create_connection((HOST, port), 1).close()
                        break
                    except OSError:
                        time.sleep(0.1)
            while not db.execute('select count(*) from conductor_hardware_interfaces').fetchone()[0]:
                time.sleep(0.1)
            answers = {}
            for step in steps:
                if 'set' in step:  # straight into the database
                    columns = ', '.join(f'{k} = ?' for k in step['columns'])
                    db.execute(f'update nodes set {columns} where uuid = ?',
                               [*step['columns'].values(), step['set']])
                    db.commit()
                    continue
                assert step['name'] not in answers, step['name']
                answers[step['name']] = ask(ports['api'], step)
            lines = ',\n'.join(f'{json.dumps(k)}: {json.dumps(v, sort_keys=True)}' for k, v in answers.items())
            (HERE / 'golden.json').write_text('{\n' + lines + '\n}\n')
        finally:
            db.close()
            for p in reversed(running):
                p.terminate()
                p.wait()


if __name__ == '__main__':
    main()
