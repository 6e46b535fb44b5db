"""Prints what SQLAlchemy and PyMySQL make of connection URLs and option files, as JSON.

Nothing is connected: PyMySQL's own constructor puts URL and file together, and
what it keeps for connecting is printed. Where a file is given, {dir} in a URL
stands for the folder that it is in."""
import json
import os
import random
import tempfile

HOME = tempfile.mkdtemp()
os.environ['HOME'] = HOME
os.environ['LOGNAME'] = 'whoami'  # before PyMySQL looks who its user is

import pymysql  # noqa: E402
from sqlalchemy.dialects.mysql import pymysql as dialect  # noqa: E402
from sqlalchemy.engine import make_url  # noqa: E402

FULL = """[client]
host = db.example
port = 3307
user = ironic
password = "p#s;s = 'x' "
database = other
socket = /run/db.sock
bind-address = 192.0.2.1
default-character-set = utf8
ssl-ca = /etc/ca.pem
ssl-capath = /etc/certs
ssl-cert = /etc/cert.pem
ssl-key = /etc/key.pem
ssl-cipher = ECDHE-RSA-AES128-GCM-SHA256
ssl = 1
[tripleo]
ssl-ca=/etc/ipa/ca.crt
bind-address=192.0.2.2
"""

FILE = '?read_default_file={dir}/my.cnf'
URL = 'mysql+pymysql://u:pw@h/ironic'
BARE = 'mysql+pymysql:///ironic'

# Name, URL, content of my.cnf (None: there is no file).
CASES = [
    ('no file named', URL, FULL),
    ('no file named, and nothing else', BARE, FULL),
    ('all from the file', BARE + FILE, FULL),
    ('all from the file, the database too', 'mysql+pymysql://' + FILE, FULL),
    ('the URL wins', 'mysql+pymysql://u:pw@h:3308/ironic' + FILE + '&unix_socket=/s&bind_address=127.0.0.1', FULL),
    ('TLS options of the URL win', URL + FILE + '&ssl_ca=/u/ca&ssl_cert=/u/cert&ssl_key=/u/key&ssl_capath=/u/path&ssl_cipher=X', FULL),
    ('check_hostname of the URL', URL + FILE + '&ssl_check_hostname=false', FULL),
    ('check_hostname alone', URL + '?ssl_check_hostname=true', None),
    ('a group', URL + FILE + '&read_default_group=tripleo', FULL),
    ('a group that is not there', URL + FILE + '&read_default_group=nobody', FULL),
    ('the group is not case-insensitive', URL + FILE + '&read_default_group=CLIENT', FULL),
    ('a file that is not there', URL + FILE, None),
    ('a file that is not there, and nothing else', BARE + FILE, None),
    ('an empty password', 'mysql+pymysql://u:@h/ironic' + FILE, FULL),
    ('port 0 is none', 'mysql+pymysql://u:pw@h:0/ironic' + FILE, FULL),
    ('parts of the URL in its query', 'mysql+pymysql://u:pw@h/ironic?host=q&user=v&password=w&database=d', None),
    ('old names in its query', 'mysql+pymysql://u@h?db=d&passwd=w', None),
    ('old names do not win', 'mysql+pymysql://u:pw@h/ironic?db=d&passwd=w', None),
    ('at home', BARE + '?read_default_file=~/my.cnf', 'home'),
    ('options without effect', URL + '?charset=utf8&binary_prefix=1&program_name=x&autocommit=1&use_unicode=1'
     '&local_infile=0&client_flag=0&max_allowed_packet=9&sql_mode=X&defer_connect=1', None),
    ('an unknown option', URL + '?ssl_cax=1', None),
    ('keys in other cases', BARE + FILE, '[client]\nHOST=h\nUser=u\nSSL-CA=/ca\n'),
    ('keys with underscores', BARE + FILE, '[client]\nssl_ca=/ca\nbind_address=192.0.2.1\n'),
    ('keys twice, spelt in two ways', BARE + FILE, '[client]\nssl_ca=/ca\nssl-ca=/cb\n'),
    ('a key twice', BARE + FILE, '[client]\nhost=a\nhost=b\n'),
    ('a section twice', BARE + FILE, '[client]\nhost=a\n[client]\nuser=b\n'),
    ('defaults', BARE + FILE, '[DEFAULT]\nhost=d\nuser=u\n[client]\nhost=c\n'),
    ('defaults twice', BARE + FILE, '[DEFAULT]\nhost=d\n[DEFAULT]\nuser=u\n[client]\n'),
    ('defaults as the group', BARE + FILE + '&read_default_group=DEFAULT', '[DEFAULT]\nhost=d\n'),
    ('defaults without the group', BARE + FILE, '[DEFAULT]\nhost=d\n'),
    ('quotes', BARE + FILE, '[client]\nhost="a b"\nuser=\'x\'\npassword="a\'\nsocket=""\nssl-ca="\n'),
    ('blanks and colons', BARE + FILE, '[client]\n  host : h\nuser=  u  \npassword = a : b = c\n'),
    ('no values', BARE + FILE, '[client]\nhost\nuser=\npassword\n'),
    ('comments', BARE + FILE, '# c\n; d\n[client]\n  # e\nhost=h # no comment\npassword=x;y\n'),
    ('continued', BARE + FILE, '[client]\npassword=a\n  b\n\n  c\nhost=h\n'),
    ('continued after no value', BARE + FILE, '[client]\nhost\n  b\n'),
    ('an empty line at the end of a value', BARE + FILE, '[client]\npassword=a\n\n\nhost=h\n\n'),
    ('includes', BARE + FILE, '[client]\nhost=h\n!includedir /etc/my.cnf.d\n'),
    ('includes before any section', BARE + FILE, '!includedir /etc/my.cnf.d\n[client]\nhost=h\n'),
    ('no section', BARE + FILE, 'host=h\n'),
    ('a section with blanks', BARE + FILE, '[ client ]\nhost=h\n'),
    ('a section with more on its line', BARE + FILE, '[client] # here\nhost=h\n'),
    ('a section with brackets', BARE + FILE + '&read_default_group=a]b', '[a]b]\nhost=h\n'),
    ('no name', BARE + FILE, '[client]\n=h\n'),
    ('a port that is none', BARE + FILE, '[client]\nport=many\n'),
    ('a port with blanks', BARE + FILE, '[client]\nport= 3309 \n'),
    ('carriage returns', BARE + FILE, '[client]\r\nhost=h\r\nuser=u\r'),
    ('a byte order mark', BARE + FILE, '\ufeff[client]\nhost=h\n'),
    ('nothing in it', BARE + FILE, ''),
    ('not ASCII', BARE + FILE, '[client]\npassword=p\u00e4ss\nuser=\u00e4\u00a0\nhost=\u2028\u20ac\u2028x\n'),
    ('a password beyond Latin-1', BARE + FILE, '[client]\npassword=\u20ac\n'),
]


def lines():
    """Files of lines that a parser may take for one thing or another."""
    pieces = ['[other]', '[DEFAULT]', '[client', '[]', 'host=a', 'HOST = b', 'user=u', 'user', ' user = v', '\thost', 'password="x', 'password=""',
              'password=\'a"\'', '', '', ' ', '# c', ' # c', '; c', '  more', '    more=1', '\tmore', '=', 'port=1', 'socket=/s', 'socket :', 'ssl-ca=/ca',
              'ssl-cert', 'bind-address=1', ' [client]', 'x [client]', 'a=b=c', 'host:[x]', 'database=d', '!include /x', 'key with blanks = 1']
    rand = random.Random(39)
    for n in range(300):
        chosen = [rand.choice(['[client]', '[client]', '[client]', '  [client]', '[DEFAULT]', 'host=h'])] + rand.sample(pieces, rand.randrange(1, 8))
        yield 'lines %d' % n, BARE + FILE, '\n'.join(chosen) + rand.choice(['', '\n'])


class Kept(pymysql.connections.Connection):
    """Keeps what its TLS context is made of, whose files need not be there."""
    tls = None

    def _create_ssl_ctx(self, given):
        if given:
            self.tls = given


def outcome(url, directory):
    try:
        engine = dialect.dialect(dbapi=pymysql)
        _, options = engine.create_connect_args(make_url(url.replace('{dir}', directory)))
        options['defer_connect'] = True
        c = Kept(**options)
    except Exception as e:
        return {'error': type(e).__name__}
    return {'host': c.host, 'port': c.port, 'user': c.user, 'password': c.password.decode('latin1') if c.password else '',
            'database': c.db or '', 'socket': c.unix_socket or '', 'bind_address': c.bind_address or '', 'tls': c.tls}


def main():
    results = []
    for name, url, content in CASES + list(lines()):
        directory = HOME if content == 'home' else tempfile.mkdtemp()
        if content == 'home':
            content = FULL
        path = os.path.join(directory, 'my.cnf')
        if content is not None:
            with open(path, 'w', encoding='utf-8', newline='') as f:
                f.write(content)
        results.append({'name': name, 'url': url, 'file': content, 'want': outcome(url, directory)})
    print(json.dumps(results, indent=0))


main()
