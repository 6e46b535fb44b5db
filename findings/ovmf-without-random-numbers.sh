#!/usr/bin/env bash
# A virtual machine with UEFI boots the network whatever its processor: one
# would guess that a CPU model without RDRAND is no obstacle.
#
# OVMF 2025.02 (Debian 13) has no network then: edk2 starts its IP stack only
# where there is a source of random numbers, RDRAND or a virtio-rng device. The
# boot menu has no network entry, and no message says why; the machine ends in the
# UEFI shell. OVMF 2022.11 (Debian 12) boots the same machine. QEMU's default
# processor, qemu64, and Nehalem or older have no RDRAND.
#
# For a site: virtual nodes want "-device virtio-rng-pci" or a newer processor.
# To Usher such a machine is one that never asks.
. "$(dirname "$0")/lib.sh"
machine_root
enter

guess "the machine loads its boot file, with and without a source of random numbers"
in_root python3 - << 'PY' || otherwise $? "OVMF boots the network without random numbers"
import os
import shutil
import machine
from finding import verdict

os.makedirs('/tmp/tftp/grub')
shutil.copy('/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed', '/tmp/tftp/grub.efi')
booted = {}
for name, arguments in (('qemu64', ['-cpu', 'qemu64']),
                        ('qemu64 and virtio-rng', ['-cpu', 'qemu64', '-device', 'virtio-rng-pci'])):
    site = machine.Site()
    open('/tmp/tftp/grub/grub.cfg', 'w').write(f'source (http,10.0.2.2:{site.port})/finished\n')
    console = site.boot('grub.efi', 180, uefi=True, tftp='/tmp/tftp', until='Shell>', arguments=arguments)
    booted[name] = '/finished' in site.paths()
    print(f"seen:     processor {name}:", 'booted by PXE' if booted[name] else
          'no network boot, ' + ('the UEFI shell' if 'Shell>' in console else 'nothing'))
if not booted['qemu64 and virtio-rng']:
    raise SystemExit('it does not boot with random numbers either:\n' + console[-1500:])
verdict(not booted['qemu64'])
PY
still "no random numbers, no network boot"
