#!/usr/bin/env bash
# A root script asks for one NIC's file after the other, and takes a 404 for "try
# the next": chain URL || goto next. One would guess that iPXE fails at a 404 at
# once, whatever headers it has: Location belongs to 3xx, Retry-After to 503.
#
# iPXE 1.21.1 (Debian 13) looks at the headers before the status. 404 or 503
# with Location: it fetches that URL and calls the result a success. 404 with
# Retry-After: it waits and asks again, without end if the server goes on so; a
# date in it counts as 5 s. Its own "--timeout" counts such waiting as standing
# still: a server that says Retry-After: 2 again and again is given up after
# "--timeout 5000", and one that says 8 is not asked a second time.
#
# For a site: proxies and error pages before a boot server must not add these
# headers: one that leads 404 to an error page makes a machine run the page.
# Usher sends neither with 404, so that the next NIC is tried at once, and
# Retry-After with 503 where it wants iPXE to wait, well below the script's
# --timeout.
. "$(dirname "$0")/lib.sh"
machine_root
enter

guess "404 fails at once, with whatever headers; 503 and Retry-After waits as long as the server says"
in_root python3 - << 'PY' || otherwise $? "404 is an end"
import machine
from finding import verdict


def answer(handler):
    """Answers the paths of the script below; True if it did."""
    asked = site.paths().count(handler.path)
    if handler.path == '/moved':
        handler.reply(404, '', ('Location', '/elsewhere'))
    elif handler.path == '/later' and asked < 4:
        handler.reply(404, '', ('Retry-After', '1'))
    elif handler.path == '/busy':
        handler.reply(503, '', ('Retry-After', '2'))
    elif handler.path == '/busier':
        handler.reply(503, '', ('Retry-After', '8'))
    else:
        return False
    return True


site = machine.Site(answer)
site.files['/elsewhere'] = '#!ipxe\necho The script of another URL was run.\n'
site.files['/later'] = '#!ipxe\necho Asked again after 404.\n'
site.files['/boot.ipxe'] = '''#!ipxe
chain moved || echo MOVED-FAILED
chain later || echo LATER-FAILED
chain --timeout 5000 busy || echo BUSY-FAILED
chain --timeout 5000 busier || echo BUSIER-FAILED
imgfetch finished ||
'''
site.boot(site.url() + '/boot.ipxe', 180)
times = {path: [at for at, p in site.asked if p == path] for path in site.paths()}
for path in ('/moved', '/elsewhere', '/later', '/busy', '/busier', '/finished'):
    print(f'seen:     {path} asked at', ', '.join(f'{at} s' for at in times.get(path, [])) or 'no time')
if '/finished' not in times:
    raise SystemExit('iPXE did not get to the end')
verdict('/elsewhere' in times and len(times['/later']) == 4)
PY
still "iPXE follows a 404, and asks again after one"
