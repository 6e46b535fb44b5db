#!/usr/bin/env bash
# dnsmasq watches the folder of --dhcp-optsdir and reads files in it as they come
# and change, without a signal. One would guess that after a file was written
# anew, what it said before is gone, and that what a deleted file said goes too.
#
# dnsmasq 2.91 (Debian 13; 2.90 and 2.93 the same) only ever adds. An option that
# the new text has no more is still sent, and so are the options of a deleted
# file, until SIGHUP. Where two files say the same option, the one read last
# counts, even after it is gone.
#
# For a site: whoever writes boot options per machine there (Ironic's DHCP
# provider "dnsmasq" does, with a new tag for each deployment for this reason)
# must not reuse a tag. "usher dnsmasq" needs no such files: its configuration
# names no machine.
. "$(dirname "$0")/lib.sh"
dhcp_root
enter
dhcp_link

guess "an option that is in no file any more is not sent any more"
in_root python3 - << 'PY' || otherwise $? "options go with their lines"
import os
import time
import dhcp
from finding import verdict

os.makedirs('/tmp/options')


def write(text):
    with open('/tmp/options/node', 'w') as file:
        file.write(text)


def ask(when):
    time.sleep(2)  # dnsmasq tells nobody when it has read a file
    answer = dhcp.offer('52:54:00:00:00:01')
    found = answer.text(67), answer.text(224)
    print(f'seen:     {when}: boot file {found[0]!r}, option 224 {found[1]!r}')
    return found


with dhcp.running(dhcp.dnsmasq('dhcp-optsdir=/tmp/options')):
    write('67,first.efi\n224,one\n')
    if ask('two options written') != ('first.efi', 'one'):
        raise SystemExit('options are not read at all')
    write('67,second.efi\n')
    changed = ask('written anew, without 224')
    os.unlink('/tmp/options/node')
    deleted = ask('file deleted')
verdict(changed == ('second.efi', 'one') and deleted == changed)
PY
still "options stay after their line or file is gone"
