#!/usr/bin/env bash
# oslo.config options can be set by the environment, OS_<GROUP>__<OPTION>, as
# containers do. For an option of many values, one line each in a file, one would
# guess that the variable's value is one of them, or a list between commas.
#
# oslo.config 9.7.1 (Debian 13): the value becomes a list of its characters, with
# no error. So OS_OSLO_MESSAGING_NOTIFICATIONS__DRIVER=messagingv2 sets eleven
# drivers called m, e, s, s, and so on. (Options of the other kind, with commas in
# one line, are right.)
#
# For a site: such options belong into a file. Usher has none of that kind.
. "$(dirname "$0")/lib.sh"
debian trixie python3-oslo.config=1:9.7.1-3 python3-oslo.messaging=16.1.0-3+deb13u1
enter

guess "['messagingv2']"
got=$(in_root env OS_OSLO_MESSAGING_NOTIFICATIONS__DRIVER=messagingv2 python3 - << 'PY'
from oslo_config import cfg
from oslo_messaging.notify import notifier

conf = cfg.ConfigOpts()
conf.register_opts(notifier._notifier_opts, group='oslo_messaging_notifications')
conf(args=[])
print(conf.oslo_messaging_notifications.driver)
PY
)
seen "$got"
[ "$got" = "['m', 'e', 's', 's', 'a', 'g', 'i', 'n', 'g', 'v', '2']" ] || changed "the value is in one piece"
still "one value becomes eleven of one character"
