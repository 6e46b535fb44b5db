#!/usr/bin/env bash
# grub-mkimage -p says where GRUB finds its modules and its configuration: with
# -p (http,SERVER)/grub one would guess that an image loaded by UEFI HTTP boot
# reads (http,SERVER)/grub/grub.cfg, whatever the URL of the image.
#
# Debian's GRUB 2.12 (Debian 13; 2.14 the same) asks below that prefix for its
# lists of modules, but for grub.cfg in the folder that the image itself came
# from. Where there is none it stops at "grub>", and a machine stays there for
# good: there is no next boot device. 2.06 read the one below the prefix.
#
# For a site: put a grub.cfg beside the image, or build the image with -c and one
# line, configfile (http,SERVER)/grub/grub.cfg; or take Debian's signed image,
# which needs neither. "usher loaders" makes the image, and the file must be
# where such an image looks.
. "$(dirname "$0")/lib.sh"
http_boot_root
enter
http_boot_link

guess "an image from /images/boot.efi with -p (http,SERVER)/grub asks for /grub/grub.cfg"
in_root python3 - << 'PY' || otherwise $? "GRUB reads the configuration below its prefix"
import subprocess
import machine
from finding import verdict

site = machine.Site(address='10.9.0.1')
subprocess.run(['grub-mkimage', '-O', 'x86_64-efi', '-p', f'(http,10.9.0.1:{site.port})/grub', '-o', '/tmp/boot.efi',
                'normal', 'configfile', 'http', 'net', 'efinet', 'echo', 'test'], check=True)
site.files['/images/boot.efi'] = open('/tmp/boot.efi', 'rb').read()
site.files['/grub/grub.cfg'] = 'echo The configuration below the prefix was run.\n'
console = site.http_boot(f'http://10.9.0.1:{site.port}/images/boot.efi', 300, until='grub>')
asked = [path for path in dict.fromkeys(site.paths()) if path != '/images/boot.efi']
print('seen:     GRUB asks for', ', '.join(asked))
print('seen:     and ends at', 'its prompt' if 'grub>' in console else console[-200:])
if not asked:
    raise SystemExit('GRUB was not loaded:\n' + console[-800:])
verdict('/grub/grub.cfg' not in asked and any(path.endswith('/grub.cfg') for path in asked))
PY
still "GRUB takes lists of modules from its prefix, and grub.cfg from the folder of its image"
