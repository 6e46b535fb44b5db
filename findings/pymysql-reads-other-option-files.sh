#!/usr/bin/env bash
# Ironic's database URL may name a MySQL option file,
# mysql+pymysql://.../ironic?read_default_file=/etc/my.cnf, as installers write it.
# One would guess that PyMySQL reads the file as MySQL's and MariaDB's own programs
# do.
#
# PyMySQL 1.1.1 (Debian 13) reads it with Python's configparser. Beside MariaDB
# 11.8's my_print_defaults, which prints what a client of MariaDB's gets from a
# file, that means: a comment behind a value belongs to the value (the host is
# then "db   # ours"); an indented line goes on with the value above; \\ in a
# password is two characters; !includedir is ignored below a section and an
# error above the first; and an option or section that comes twice is an error
# instead of the last one counting.
#
# For a site: one section, one line per option, no comment behind a value, no
# includes; a file that "mariadb" likes may still be wrong for Ironic.
. "$(dirname "$0")/lib.sh"
debian trixie python3-pymysql=1.1.1-2 mariadb-client-core=1:11.8.9+ds-0+deb13u1
enter

guess "both read the same from each file"
in_root python3 - << 'PY' || otherwise $? "both read the same"
import os
import subprocess
import pymysql
from finding import verdict

FILES = {
    'plain': '[client]\nuser=ironic\nhost=db\n',
    'comment behind': '[client]\nuser=ironic\nhost=db   # ours\n',
    'indented': '[client]\nuser=ironic\n  host=db\n',
    'backslashes': '[client]\nuser=ironic\npassword=a\\\\b\n',
    'include below': '[client]\nuser=ironic\n!includedir /tmp/more\n',
    'include above': '!includedir /tmp/more\n[client]\nuser=ironic\n',
    'section twice': '[client]\nuser=ironic\n[client]\nhost=db\n',
    'option twice': '[client]\nuser=root\nuser=ironic\n',
}
os.makedirs('/tmp/more')
open('/tmp/more/host.cnf', 'w').write('[client]\nhost=db\n')


def mariadb(path):
    printed = subprocess.run(['my_print_defaults', '--defaults-file=' + path, 'client'],
                             capture_output=True, text=True, check=True).stdout
    options = dict(line.removeprefix('--').split('=', 1) for line in printed.splitlines())
    return {'user': options['user'], 'host': options.get('host', 'localhost'), 'password': options.get('password', '')}


def python(path):
    try:
        c = pymysql.connect(read_default_file=path, defer_connect=True)
    except Exception as error:
        return type(error).__name__
    return {'user': c.user, 'host': c.host, 'password': c.password.decode()}


alike = {}
for name, text in FILES.items():
    path = '/tmp/' + name.replace(' ', '-')
    open(path, 'w').write(text)
    one, other = mariadb(path), python(path)
    alike[name] = one == other
    print(f'seen:     {name}:', 'both ' if alike[name] else f'MariaDB {one}, PyMySQL', other)
if not alike['plain']:
    raise SystemExit('they do not even read a plain file alike')
verdict(not all(alike.values()))
PY
still "PyMySQL reads option files in its own way"
