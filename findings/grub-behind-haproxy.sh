#!/usr/bin/env bash
# To have several boot servers behind one address one would put HAProxy before
# them, as before any web server. HTTP does not mind the case of header names.
#
# GRUB 2.12 (Debian 13; 2.06 and 2.14 the same) does: it knows Content-Length and
# Transfer-Encoding in this spelling only. HAProxy 3.0.11 (2.6 and 3.2 too) writes
# all names in lower case. GRUB then waits for a file without a length, asks four
# times, 34 s apart, and goes on without the file after 140 s. iPXE and UEFI HTTP
# boot do not mind.
#
# For a site: "h1-case-adjust content-length Content-Length" in HAProxy's global
# section and "option h1-case-adjust-bogus-client" in the frontend, as tried
# below; nginx keeps the spelling. Usher itself writes them as GRUB wants them.
. "$(dirname "$0")/lib.sh"
machine_root
enter

guess "GRUB runs the file through HAProxy as it does directly"
in_root python3 - << 'PY' || otherwise $? "GRUB reads lower-case names, or HAProxy keeps the case"
import os
import shutil
import subprocess
import machine
from finding import verdict

os.makedirs('/tmp/tftp/grub')
shutil.copy('/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed', '/tmp/tftp/grub.efi')
site = machine.Site()
site.files['/file.cfg'] = 'echo The file was run by $by.\n'
HAPROXY = '''
global
{adjust}
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
{option}
listen site
  bind 127.0.0.1:{port}
  server origin 127.0.0.1:{origin}
'''
GRUB = '''
set by=GRUB-directly
source (http,10.0.2.2:{origin})/file.cfg
set by=GRUB-adjusted
source (http,10.0.2.2:{adjusted})/file.cfg
set by=GRUB-proxied
source (http,10.0.2.2:{proxied})/file.cfg
source (http,10.0.2.2:{origin})/finished
'''
ports = {'origin': site.port, 'proxied': site.port + 1, 'adjusted': site.port + 2}
for name, adjust, option in (('proxied', '', ''), ('adjusted', '  h1-case-adjust content-length Content-Length',
                                                   '  option h1-case-adjust-bogus-client')):
    with open(f'/tmp/{name}.cfg', 'w') as file:
        file.write(HAPROXY.format(adjust=adjust, option=option, port=ports[name], origin=site.port))
    subprocess.Popen(['haproxy', '-q', '-db', '-f', f'/tmp/{name}.cfg'])
with open('/tmp/tftp/grub/grub.cfg', 'w') as file:
    file.write(GRUB.format(**ports))

console = site.boot('grub.efi', 400, uefi=True, tftp='/tmp/tftp', arguments=['-cpu', 'max'])
ran = [by for by in ('directly', 'proxied', 'adjusted') if f'was run by GRUB-{by}.' in console]
print('seen:     the file was run:', ', '.join(ran))
print('seen:     requests, in seconds:', site.asked)
if 'directly' not in ran or '/finished' not in site.paths():
    raise SystemExit('GRUB did not get to the end:\n' + console[-1500:])
verdict('proxied' not in ran)
PY
still "GRUB does not take a file whose header names are in lower case"
