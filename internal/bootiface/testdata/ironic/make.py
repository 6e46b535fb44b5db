#!/usr/bin/python3
"""Write the boot files that Ironic makes, from its own templates."""
import os
import jinja2

templates = '/usr/lib/python3/dist-packages/ironic/drivers/modules'
here = os.path.dirname(os.path.abspath(__file__))
uuid = '3ec5b6a0-2f3a-4c7e-9f59-0f4f1d2b7a11'
http = 'http://192.0.2.1:8080/' + uuid


def write(name, template, **options):
    with open(os.path.join(templates, template)) as f:
        # As ironic.common.utils.render_template does it.
        env = jinja2.Environment(loader=jinja2.BaseLoader())
        text = env.from_string(f.read()).render(options)
    with open(os.path.join(here, name), 'w') as f:
        f.write(text)


options = {
    'deployment_aki_path': http + '/deploy_kernel',
    'deployment_ari_path': http + '/deploy_ramdisk',
    'aki_path': http + '/kernel', 'ari_path': http + '/ramdisk',
    'pxe_append_params': 'nofb vga=normal ipa-insecure=1', 'ipxe_timeout': 0,
    'tftp_server': '192.0.2.1',
}
write('ipxe.config', 'ipxe_config.template', pxe_options=options)
write('pxe.config', 'pxe_grub_config.template', pxe_options=options, DISK_IDENTIFIER='{{ DISK_IDENTIFIER }}')
