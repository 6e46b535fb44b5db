#!/usr/bin/env bash
# An iPXE script looks like a shell's: commands, labels, variables, "||", quotes.
# One would guess that quotes keep the blanks between them, that 010 is ten or a
# text, and that words behind a label are a comment.
#
# iPXE 1.21.1 (Debian 13): quotes are letters like others, so of several blanks in
# a quoted kernel parameter one is left. A number with a leading zero is octal:
# "set n:int32 010" is 8, and 08 is an error that ends the script. Words behind a
# label are a command, run when the script comes by.
#
# For a site: no runs of blanks in kernel parameters; no zeros before numbers. In
# Usher's scripts labels stand alone and counters start at 0 or -1.
. "$(dirname "$0")/lib.sh"
machine_root
enter

guess 'the image has the parameter a="b  c"; n is 10, or "010"; nothing is run behind a label'
in_root python3 - << 'PY' || otherwise $? "it is as one would guess"
import machine
from finding import verdict

site = machine.Site()
site.files['/image'] = 'no kernel, but an image with arguments'
site.files['/boot.ipxe'] = '''#!ipxe
imgfetch --name image image a="b  c"
imgstat
set n:int32 010
echo Ten is ${n}.
set n:int32 08 || echo Eight is an error.
goto label
:label echo The label was run.
imgfetch finished ||
'''
console = site.boot(site.url() + '/boot.ipxe', 120)
if '/finished' not in site.paths():
    raise SystemExit('the script did not get to the end:\n' + console[-800:])
lines = [line for line in console.splitlines() if line.startswith(('image :', 'Ten', 'Eight', 'The label'))]
for line in lines:
    print('seen:    ', line)
found = ['a="b c"' in console, 'Ten is 8.' in lines, 'Eight is an error.' in lines, 'The label was run.' in lines]
verdict(any(found))
PY
still "quotes do not quote, zeros make octal numbers, labels may run commands"
