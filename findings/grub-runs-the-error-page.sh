#!/usr/bin/env bash
# A GRUB configuration that is fetched by HTTP with "source" may not be there. One
# would guess that "source" then fails, so that "if source URL; then" tells.
#
# GRUB 2.12 (Debian 13; 2.06 and 2.14 the same, each by its own HTTP, loaded by
# TFTP) runs the body of a 404 or 503 answer as a configuration, and "source" is
# true. An HTML page is a screen of "can't find command"; a line of it that is a
# command is run. "[ -f (http,...) ]" is false for all files, there or not.
#
# For a site: the boot server's errors must have no body, or one that begins with
# "#". Usher's have ("# not found"); its configurations end in "boot", and its
# root configuration tells success by not coming back.
. "$(dirname "$0")/lib.sh"
machine_root
enter

guess '"source" of a 404 is false, and its body is not run'
in_root python3 - << 'PY' || otherwise $? "a 404 is an error to GRUB"
import os
import shutil
import machine
from finding import verdict


def answer(handler):
    if handler.path != '/missing':
        return False
    handler.reply(404, 'echo The error page was run.\n', ('Server', 'any header before Content-Length'))
    return True


site = machine.Site(answer)
site.files['/there'] = 'echo The file was run.\n'
os.makedirs('/tmp/tftp/grub')
shutil.copy('/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed', '/tmp/tftp/grub.efi')
open('/tmp/tftp/grub/grub.cfg', 'w').write('''
site=(http,10.0.2.2:%d)
source $site/there
if source $site/missing; then echo Source was true.; else echo Source was false.; fi
if [ -f $site/there ]; then echo The file is there.; else echo The file is not there.; fi
source $site/finished
''' % site.port)
console = site.boot('grub.efi', 240, uefi=True, tftp='/tmp/tftp', arguments=['-cpu', 'max'])
lines = [line for line in console.splitlines() if line.startswith(('The file', 'The error page', 'Source'))]
for line in lines:
    print('seen:    ', line)
if 'The file was run.' not in lines or '/finished' not in site.paths():
    raise SystemExit('GRUB did not get to the end:\n' + console[-800:])
verdict('The error page was run.' in lines or 'Source was true.' in lines)
PY
still "GRUB runs the body of a 404"
