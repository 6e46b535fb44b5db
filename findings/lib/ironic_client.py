"""A client of the Ironic that ironic_up (lib.sh) has started, for the findings."""
import json
import time
import urllib.error
import urllib.request

URL = 'http://127.0.0.1:6385'
IMAGES = '/finding/images'


def call(method, path, body=None, version='1.96'):
    """Returns the status and the decoded body; of an error, its text."""
    request = urllib.request.Request(
        URL + path, method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={'Content-Type': 'application/json',
                 'X-OpenStack-Ironic-API-Version': version})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            status, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode()
    try:
        decoded = json.loads(text)
        if 'error_message' in decoded:
            decoded = json.loads(decoded['error_message'])
            decoded = decoded.get('faultstring') or decoded.get('title')
    except (ValueError, TypeError):
        decoded = text
    return status, decoded


def create_node(name, **fields):
    """Creates a node that network-boots, and one port of it."""
    body = {'name': name, 'driver': 'manual-management', 'boot_interface': 'ipxe',
            'driver_info': {'deploy_kernel': f'file://{IMAGES}/kernel',
                            'deploy_ramdisk': f'file://{IMAGES}/ramdisk'}}
    body.update(fields)
    status, node = call('POST', '/v1/nodes', body)
    if status != 201:
        raise SystemExit(f'create {name}: {status} {node}')
    return node


def create_port(node, address, **fields):
    status, port = call('POST', '/v1/ports',
                        {'node_uuid': node['uuid'], 'address': address, **fields})
    if status != 201:
        raise SystemExit(f'create port {address}: {status} {port}')
    return port


def provision(name, target, *until, **fields):
    """Asks for a provision state, waits until one of until, returns it and last_error."""
    status, text = call('PUT', f'/v1/nodes/{name}/states/provision', {'target': target, **fields})
    if status != 202:
        raise SystemExit(f'{name} {target}: {status} {text}')
    return wait_for(name, *until)


def wait_for(name, *states):
    for _ in range(300):
        node = call('GET', f'/v1/nodes/{name}')[1]
        if node['provision_state'] in states:
            return node['provision_state'], node['last_error']
        time.sleep(0.5)
    raise SystemExit(f"{name} is still {node['provision_state']}")


def make_available(name):
    provision(name, 'manage', 'manageable')
    provision(name, 'provide', 'available')


def ramdisk_node(name, address, **fields):
    """Creates an available node whose deployment is a kernel and a ramdisk to boot from."""
    node = create_node(name, **{'deploy_interface': 'ramdisk', 'instance_info': {
        'kernel': f'file://{IMAGES}/kernel', 'ramdisk': f'file://{IMAGES}/ramdisk'}, **fields})
    create_port(node, address)
    make_available(name)
    return node
