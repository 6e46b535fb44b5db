#!/usr/bin/env bash
# shim, loaded by UEFI HTTP boot from http://SERVER/bootx64.efi, loads GRUB from
# beside it. One would guess that it asks for /grubx64.efi, and for nothing else.
#
# shim 16.1 (Debian 13; Debian 12 and sid have it too) first asks for
# revocations_sku.efi, revocations_sbat.efi and shim_certificate_0.efi, which few
# sites have, then for //grubx64.efi: it puts a slash between the folder, which
# ends in one, and the name. nginx takes two for one. Go's ServeMux answers with a
# redirect, which firmware does not follow; object stores have no such key.
#
# For a site: three 404s in the log of each boot are no fault. A server must take
# two slashes for one at this place; Usher's boot API does.
. "$(dirname "$0")/lib.sh"
http_boot_root
enter
http_boot_link

guess "after /bootx64.efi shim asks for /grubx64.efi"
in_root python3 - << 'PY' || otherwise $? "shim asks with one slash"
import machine
from finding import verdict

site = machine.Site(address='10.9.0.1')
site.files['/bootx64.efi'] = open('/usr/lib/shim/shimx64.efi.signed', 'rb').read()
grub = open('/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed', 'rb').read()
site.files['//grubx64.efi'] = site.files['/grubx64.efi'] = grub
site.files['/grub/grub.cfg'] = f'source (http,10.9.0.1:{site.port})/finished\n'
console = site.http_boot(f'http://10.9.0.1:{site.port}/bootx64.efi', 300)
asked = list(dict.fromkeys(site.paths()))
print('seen:    ', ', '.join(asked))
if '/finished' not in asked:
    raise SystemExit('GRUB was not started:\n' + console[-800:])
verdict('//grubx64.efi' in asked)
PY
still "shim asks for //grubx64.efi, after three files that it does without"
