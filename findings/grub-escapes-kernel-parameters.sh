#!/usr/bin/env bash
# GRUB's "linux" line is written as for a shell: "it's" is a word with an
# apostrophe, 'DOMAIN\user' one with a backslash. One would guess that the kernel
# gets these words.
#
# GRUB 2.12 (Debian 13) puts a backslash before each quote and each backslash that
# it passes on: the kernel gets it\'s and DOMAIN\\user, and takes no backslash away.
# Words with blanks get quotes around the whole, "name=a b", which the kernel
# understands. So a parameter with a quote or a backslash cannot be passed at all.
# iPXE passes the words as they stand.
#
# For a site: no quotes and backslashes in the kernel parameters of nodes that
# boot with GRUB. Usher escapes what GRUB's shell takes for its own; what GRUB
# adds behind that, it cannot help.
. "$(dirname "$0")/lib.sh"
export INITRD=No # no ramdisk for the kernel
debian trixie python3 qemu-system-x86=1:10.0.13+ds-0+deb13u1 ovmf=2025.02-8+deb13u1 \
  grub-efi-amd64-signed=1+2.12+9+deb13u4 linux-image-6.12.118+deb13-cloud-amd64=6.12.118-1
enter

guess "the kernel's command line has A=it's B=DOMAIN\\user"
in_root python3 - << 'PY' || otherwise $? "the kernel gets the words as they were written"
import glob
import os
import re
import shutil
import machine
from finding import verdict

os.makedirs('/tmp/tftp/grub')
shutil.copy('/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed', '/tmp/tftp/grub.efi')
shutil.copy(glob.glob('/boot/vmlinuz-*')[0], '/tmp/tftp/vmlinuz')
open('/tmp/tftp/grub/grub.cfg', 'w').write(r'''
linux /vmlinuz console=ttyS0 earlyprintk=ttyS0 "A=it's" 'B=DOMAIN\user' "C=two words"
boot
''')
console = machine.Site().boot('grub.efi', 300, uefi=True, tftp='/tmp/tftp', until='Kernel command line',
                              arguments=['-cpu', 'max'])
line = re.search(r'[Cc]ommand line: (.*)', console)
if not line:
    raise SystemExit('the kernel was not started:\n' + console[-800:])
print('seen:    ', line.group(1))
verdict(r"A=it\'s" in line.group(1) and r'B=DOMAIN\\user' in line.group(1))
PY
still "GRUB adds backslashes that the kernel keeps"
