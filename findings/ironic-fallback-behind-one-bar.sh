#!/usr/bin/env bash
# With [pxe]ipxe_fallback_script Ironic's root script boot.ipxe goes on to a
# script of the site's when no port of the machine is known, and if that fails
# too it should say "PXE boot failed!", wait three minutes and reboot: the line
# after it is a label for this.
#
# Ironic 29.0.5 (Debian 13; 21.4.4 and 39.0.0 the same) writes
# "chain URL | goto boot_failed", with one bar. To iPXE 1.21.1 "|" is an argument
# of the chained script. So when the fallback script cannot be fetched, the root
# script ends there: no message, no reboot, the firmware goes to the next device
# and a machine without one stands still.
#
# For a site: make the fallback script one that is always there. Usher's root
# script has "&&" and "||" there, and goes on.
. "$(dirname "$0")/lib.sh"
debian trixie python3-ironic=1:29.0.5-0+deb13u3 qemu-system-x86=1:10.0.13+ds-0+deb13u1 \
  ipxe-qemu=1.21.1+git20250501.dad20602+dfsg-1
enter

guess "the fallback script is not there: the console says PXE boot failed!"
in_root python3 - << 'PY' || otherwise $? "the root script goes on"
import jinja2
import machine
from finding import verdict

site = machine.Site()
template = open('/usr/lib/python3/dist-packages/ironic/drivers/modules/boot.ipxe').read()
script = jinja2.Template(template).render(ipxe_for_mac_uri='pxelinux.cfg/', ipxe_fallback_script='fallback.ipxe')
line = next(line for line in script.splitlines() if 'fallback.ipxe' in line)
print('seen:     Ironic writes:', line)
said = {}
for name, text in (('as Ironic writes it', script), ('with two bars', script.replace(' | ', ' || '))):
    site.files['/boot.ipxe'] = text
    end = 'PXE boot failed!' if text != script else 'No more network devices'
    console = site.boot(site.url() + '/boot.ipxe', 180, until=end)
    said[name] = 'PXE boot failed!' in console
    print(f'seen:     {name}: the console says', 'PXE boot failed!' if said[name] else
          next((l for l in console.splitlines() if 'Could not boot' in l), console[-300:]))
print('seen:     requests:', site.paths())
if not said['with two bars']:
    raise SystemExit('iPXE does not get there with two bars either')
verdict(not said['as Ironic writes it'])
PY
still "a missing fallback script ends Ironic's root script"
