"""Prints what SQLAlchemy's make_url reads in connection URLs, as JSON."""
import json

from sqlalchemy.engine import make_url

URLS = [
    'sqlite:////var/lib/usher/usher.sqlite',
    'sqlite:///state/usher.sqlite',
    'sqlite:///a%20b.sqlite?timeout=30',
    'sqlite://',
    'mysql://ironic@localhost/ironic',
    'mysql+pymysql://ironic:secret@127.0.0.1/ironic?charset=utf8',
    'mysql+pymysql://ironic:p%40ss%3Aw%2Frd%25@db.example:3307/ironic',
    'mysql+pymysql://ironic:a+b c:d/e@db/ironic',
    'mysql+pymysql://i%40ronic:@db/ironic',
    'mariadb+mariadbconnector://u:p@[fe80::1]:3306/ironic',
    'mysql+pymysql://ironic:pw@/ironic?unix_socket=/run/mysqld/mysqld.sock&charset=utf8',
    'mysql+pymysql://ironic:pw@localhost/ironic?unix_socket=%2Frun%2Fmysqld%2Fmysqld.sock',
    'mysql+pymysql://ironic:pw@db/ironic?ssl_ca=/etc/ca.pem&ssl_verify_cert=true',
    'postgresql://ironic:pw@db:5432/ironic?sslmode=verify-full&sslrootcert=/etc/ca.pem',
    'postgresql+psycopg2://ironic@/ironic?host=/run/postgresql',
    'postgresql://ironic:pw@[::1]/ironic',
    'postgresql://db',
]

print(json.dumps([{
    'url': u, 'backend': m.get_backend_name(), 'user': m.username or '', 'password': m.password or '',
    'host': m.host or '', 'port': m.port or 0, 'database': m.database or '', 'query': dict(m.query),
} for u in URLS for m in [make_url(u)]], indent=1))
