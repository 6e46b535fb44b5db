#!/usr/bin/env bash
# Ironic's boot interface "http" boots GRUB by UEFI HTTP boot, with no TFTP
# anywhere. One would guess that it writes all its files below
# [deploy]http_root.
#
# Ironic 29.0.5 (Debian 13; 39.0.0 the same) writes kernels and ramdisks there,
# but the node's GRUB configuration, and the links to it, below
# [pxe]tftp_root; in it the kernel is ../<name of http_root>/<UUID>/..., so that
# it fits only where GRUB has both folders beside each other. And a deployment
# with the ramdisk deploy interface fails: it puts the kernel into a folder of
# tftp_root that nobody has made.
#
# For a site: the web server for "http" must serve both folders side by side;
# and no ramdisk deployment with it. Usher looks for a node's file in both.
. "$(dirname "$0")/lib.sh"
ironic_root
enter
ironic_up

guess "the node's GRUB configuration is http_root/<UUID>/config; a ramdisk deployment becomes active"
in_root python3 - << 'PY' > "$work/uuid"
import functools
import hashlib
import http.server
import threading
import ironic_client as ironic


class Web(http.server.SimpleHTTPRequestHandler):
    """http_root's web server: Ironic itself asks it for the image before it deploys."""

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(('127.0.0.1', 8080), functools.partial(Web, directory='/finding/http'))
threading.Thread(target=server.serve_forever, daemon=True).start()

sha = hashlib.sha256(open(ironic.IMAGES + '/kernel', 'rb').read()).hexdigest()
node = ironic.create_node('waits', boot_interface='http', instance_info={
    'image_source': f'file://{ironic.IMAGES}/kernel', 'image_checksum': sha, 'image_disk_format': 'raw'})
ironic.create_port(node, '52:54:00:00:00:01')
ironic.make_available('waits')
ironic.provision('waits', 'active', 'wait call-back')
print(node['uuid'])
PY
uuid=$(cat "$work/uuid")
for file in "$root"/finding/{http,tftp}/"$uuid"/*; do
  seen "${file#"$root/finding/"}"
done
seen "$(grep -m 1 linux "$root/finding/tftp/$uuid/config" | cut -c1-90)..."

in_root python3 - << 'PY' > "$work/state"
import ironic_client as ironic

ironic.ramdisk_node('ramdisk', '52:54:00:00:00:02', boot_interface='http')
state, error = ironic.provision('ramdisk', 'active', 'active', 'deploy failed')
print(state + (': ' + error[:90] + '...' if error else ''))
PY
seen "the ramdisk deployment: $(cat "$work/state")"
[ -e "$root/finding/tftp/$uuid/config" ] || changed "the configuration is not below tftp_root"
[ ! -e "$root/finding/http/$uuid/config" ] || changed "the configuration is below http_root"
grep -q 'deploy failed' "$work/state" || changed "the ramdisk deployment works"
still "the file is below tftp_root, and a ramdisk deployment fails"
