#!/usr/bin/env bash
# Names of sections in ironic.conf do not mind their case: [Deploy] is [deploy].
# One would guess that [default] is [DEFAULT], then.
#
# oslo.config 9.7.1 (Debian 13): it is another section, which nothing reads.
# What stands there is ignored without a word, and so is a section with blanks
# inside the brackets, [ deploy ]. Debian's ironic.conf and Ironic's log say
# nothing; the option has its default.
#
# For a site: an option that seems to have no effect may stand in such a section.
# Usher reads the file as Ironic does, and warns of [default]; "usher config show"
# prints where each value came from.
. "$(dirname "$0")/lib.sh"
debian trixie python3-oslo.config=1:9.7.1-3 python3-oslo.messaging=16.1.0-3+deb13u1
enter

guess "[Deploy] and [default] both work, or neither does"
in_root python3 - << 'PY' || otherwise $? "sections are read alike"
from oslo_config import cfg
from finding import verdict

found = {}
for section, group, option in (('deploy', 'deploy', 'http_url'), ('Deploy', 'deploy', 'http_url'),
                               ('default', 'DEFAULT', 'my_ip'), ('DEFAULT', 'DEFAULT', 'my_ip'),
                               (' deploy ', 'deploy', 'http_url')):
    open('/tmp/test.conf', 'w').write(f'[{section}]\n{option} = from the file\n')
    conf = cfg.ConfigOpts()
    conf.register_opts([cfg.StrOpt(option, default='the default')], group=None if group == 'DEFAULT' else group)
    conf(args=['--config-file', '/tmp/test.conf'])
    found[section] = conf[option] if group == 'DEFAULT' else conf[group][option]
    print(f'seen:     [{section}] {option}: {found[section]}')
if (found['deploy'], found['DEFAULT']) != ('from the file',) * 2:
    raise SystemExit('the file is not read at all')
verdict(found['Deploy'] != found['default'])
PY
still "[Deploy] is read and [default] is not"
