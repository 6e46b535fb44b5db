#!/usr/bin/python3
"""Write the boot files that Ironic makes, by its own functions.

usage: make.py FOLDER [IRONIC]

IRONIC is a folder that holds the Python package ironic of another release than
the host's.
"""
import os
import sys
import tempfile
import unittest.mock as mock

folder = os.path.abspath(sys.argv[1])
if len(sys.argv) > 2:
    sys.path.insert(0, sys.argv[2])

from oslo_log import log  # noqa: E402

from ironic.common import pxe_utils  # noqa: E402
from ironic.common import states  # noqa: E402
from ironic.conf import CONF  # noqa: E402

UUID = '3ec5b6a0-2f3a-4c7e-9f59-0f4f1d2b7a11'
work = tempfile.mkdtemp()
log.register_options(CONF)
CONF([], project='ironic', default_config_files=[])
CONF.set_override('http_root', os.path.join(work, 'http'), 'deploy')
CONF.set_override('tftp_root', os.path.join(work, 'tftp'), 'pxe')
CONF.set_override('http_url', 'http://192.0.2.1:8080', 'deploy')
CONF.set_override('tftp_server', '192.0.2.1', 'pxe')
CONF.set_override('my_ip', '192.0.2.1')
os.makedirs(folder, exist_ok=True)


def task(mode):
    t = mock.Mock()
    t.node.uuid = UUID
    t.node.provision_state = states.DEPLOYING
    t.node.driver_info = {}
    t.node.instance_info = {'capabilities': {'boot_mode': mode}}
    t.node.driver_internal_info = {}
    t.node.properties = {}
    t.ports = []
    t.context.global_id = None
    return t


def write(name, mode, template, config_in_http, images_in_http):
    t = task(mode)
    root = CONF.deploy.http_root if images_in_http else CONF.pxe.tftp_root
    info = {label: ('', os.path.join(root, UUID, label))
            for label in ('deploy_kernel', 'deploy_ramdisk')}
    options = pxe_utils.build_pxe_config_options(
        t, info, ipxe_enabled=config_in_http, ramdisk_params={'ipa-api-url': 'http://192.0.2.1:6385'})
    with mock.patch.object(pxe_utils, '_link_mac_pxe_configs'), \
            mock.patch.object(pxe_utils, '_link_ip_address_pxe_configs'), \
            mock.patch.object(pxe_utils.boot_mode_utils, 'get_boot_mode', lambda node: mode):
        pxe_utils.create_pxe_config(t, options, template, ipxe_enabled=config_in_http)
    path = pxe_utils.get_pxe_config_file_path(UUID, ipxe_enabled=config_in_http)
    print(name, os.path.relpath(path, work))
    os.rename(path, os.path.join(folder, name))


write('ipxe.config', 'uefi', CONF.pxe.ipxe_config_template, True, True)
write('pxe.config', 'uefi', CONF.pxe.uefi_pxe_config_template, False, False)
write('http.config', 'uefi', CONF.pxe.uefi_pxe_config_template, False, True)
write('bios.config', 'bios', os.path.join(os.path.dirname(CONF.pxe.uefi_pxe_config_template), 'pxe_config.template'), False, False)
