"""Asks oslo.config what it reads from tricky files, and prints it as JSON.

Run it with the Python that has oslo.config and Ironic; README.md has the command.
Every case holds its own input, so that the Go test needs nothing but the JSON.
"""

import json
import os
import random
import re
import sys
import tempfile
import warnings

warnings.simplefilter("ignore")

from oslo_config import cfg, types  # noqa: E402
from ironic.conf import types as ironic_types  # noqa: E402

TYPES = {
    "text": types.String(),
    "choice": types.String(choices=["noauth", "http_basic", "keystone"]),
    "boolean": types.Boolean(),
    "integer": types.Integer(),
    "bounded": types.Integer(min=0, max=300),
    "float": types.Float(),
    "port": types.Port(),
    "host": types.HostAddress(),
    "list": types.List(),
    "paths": types.List(item_type=ironic_types.ExplicitAbsolutePath()),
    "quotedlist": types.List(item_type=types.String(quotes=True)),
    "dict": types.Dict(),
    "quoteddict": types.Dict(types.String(quotes=True)),
}

# group, name, type, default, deprecated names
OPTIONS = [
    ("DEFAULT", "my_ip", "text", "192.0.2.1", []),
    ("DEFAULT", "host", "text", None, []),
    ("DEFAULT", "shared", "text", "from-default", []),
    ("DEFAULT", "base", "text", "$my_ip/base", []),
    ("DEFAULT", "loop", "text", None, []),
    ("DEFAULT", "loop2", "text", None, []),
    ("api", "port", "port", "6385", []),
    ("api", "flag", "boolean", "false", []),
    ("api", "ratio", "float", "0.5", []),
    ("api", "items", "list", "a,b", []),
    ("pxe", "params", "text", "nofb", [(None, "append_params"), ("DATABASE", "old_params")]),
    ("pxe", "shared", "text", None, []),
    ("pxe", "url", "text", "http://${my_ip}:${api.port}/x", []),
    ("pxe", "files", "dict", "", []),
    ("pxe", "count", "integer", "3", []),
]


def conf_for(options):
    conf = cfg.ConfigOpts()
    for group, name, kind, default, old in options:
        opt = cfg.Opt(name, type=TYPES[kind], default=default,
                      deprecated_opts=[cfg.DeprecatedOpt(n, group=g) for g, n in old])
        conf.register_opt(opt, group=None if group == "DEFAULT" else group)
    return conf


def plain(value):
    """JSON has no nan and no inf, and knows no 1.0 from 1."""
    return repr(value) if isinstance(value, float) else value


def read(case):
    """Returns what oslo.config makes of a case: values by group.option, or one error."""
    with tempfile.TemporaryDirectory() as folder:
        args = []
        for i, text in enumerate(case.get("files", [])):
            path = os.path.join(folder, "%d.ini" % i)
            with open(path, "wb") as f:
                f.write(text.encode("latin-1" if case.get("latin1") else "utf-8"))
            args += ["--config-file", path]
        if "dir" in case:
            os.mkdir(os.path.join(folder, "d"))
            for name, text in case["dir"].items():
                with open(os.path.join(folder, "d", name), "w") as f:
                    f.write(text)
            args += ["--config-dir", os.path.join(folder, "d")]
        for key, value in case.get("env", {}).items():
            os.environ[key] = value
        try:
            conf = conf_for(OPTIONS)
            try:
                conf(args, project="goldens", default_config_files=[], default_config_dirs=[])
            except (cfg.Error, UnicodeDecodeError) as e:
                text = str(e)
                line = getattr(e, "lineno", None)
                if isinstance(e, cfg.ConfigFileParseError):
                    line = int(re.search(r"\.ini:(\d+),", text).group(1))
                return {"error": True, "line": line,
                        "no_section": "Section must be started" in text}
            values = {}
            for group, name, kind, default, old in OPTIONS:
                try:
                    value = conf[name] if group == "DEFAULT" else conf[group][name]
                    values[group + "." + name] = {"value": plain(value), "str": "" if value is None else str(value)}
                except (Exception, RecursionError):
                    values[group + "." + name] = {"error": True}
            return {"values": values}
        finally:
            for key in case.get("env", {}):
                del os.environ[key]


def files(*texts, **more):
    return dict(files=list(texts), **more)


CASES = {
    "nothing": files(""),
    "separators": files("[pxe]\nparams = a=b:c\nshared: x = y\nurl=z\n"),
    "colon first": files("[pxe]\nparams : a = b\nshared = a : b\n"),
    "spaces around": files("[pxe]\nparams   =    a  b   \nshared\t=\tx\t\n"),
    "empty values": files("[pxe]\nparams =\nshared = \"\"\ncount =\n[api]\nport =\nratio = ''\nitems =\n"),
    "repeated keys": files("[pxe]\nparams = 1\nparams = 2\n"),
    "repeated sections": files("[pxe]\nparams = 1\n[api]\nport = 1\n[pxe]\nparams = 2\nshared = s\n"),
    "sections in any case": files("[PXE]\nparams = upper\n[pxe]\nshared = lower\n[Default]\nhost = no\n[default]\nmy_ip = no\n"),
    "same section in two cases": files("[pxe]\nparams = 1\n[PXE]\nparams = 2\n[Pxe]\nshared = 3\n"),
    "spaces in a section's name": files("[ pxe ]\nparams = 1\n[pxe ]\nshared = 2\n"),
    "keys keep their case": files("[pxe]\nPARAMS = 1\nShared = 2\n"),
    "brackets in a section's name": files("[[pxe]]\nparams = 1\n[pxe]\nshared = [x]\n"),
    "continuation": files("[pxe]\nparams = a\n  b\n\tc  \nshared = d\n"),
    "continuation of a list": files("[api]\nitems =\n  x,\n  y,\n  z\nport = 1\n"),
    "continuation of a number": files("[api]\nport = 1\n 2\n"),
    "continuation of quotes": files("[pxe]\nparams = \"a\n  b\"\nshared = \"a\"\n  b\n"),
    "continuation holds a comment": files("[pxe]\nparams = a\n  # b\n  ; c\n"),
    "continuation holds an assignment": files("[pxe]\nparams = a\n  shared = b\n"),
    "continuation after a blank line": files("[pxe]\nparams = a\n\n  b\n"),
    "continuation after a comment": files("[pxe]\nparams = a\n# x\n  b\n"),
    "continuation after a section": files("[pxe]\n  params = a\n"),
    "continuation first": files("  a = b\n"),
    "blank line of spaces": files("[pxe]\nparams = a\n   \t\nshared = b\n"),
    "no newline at the end": files("[pxe]\nparams = a"),
    "comments": files("# a\n; b\n[pxe]\n#params = x\n;params = y\nparams = a # not a comment ; either\n"),
    "quotes": files("[pxe]\nparams = \"a b\"\nshared = 'c d'\nurl = \"e'\n"),
    "quotes within": files("[pxe]\nparams = a \"b\" c\nshared = \"a\" \"b\"\nurl = \"'x'\"\n"),
    "lone quotes": files("[pxe]\nparams = \"\nshared = '\nurl = \"\"\"\n"),
    "quotes keep spaces": files("[pxe]\nparams = \"  a  \"\n[api]\nport = \" 5 \"\nflag = \" true \"\n"),
    "carriage returns": files("[pxe]\r\nparams = a\r\n  b\r\nshared = c\rurl = d\r"),
    "other line ends": files("[pxe]\nparams = a\x0bb\x0cc\x1cd\x85e\u2028f\nshared = x\x1c\nurl = \xa0y\xa0\n"),
    "byte order mark": files("\ufeff[pxe]\nparams = a\n"),
    "zero bytes": files("[pxe]\nparams = a\0b\n"),
    "not UTF-8": files("[pxe]\nparams = a\nshared = \xff\n", latin1=True),
    "UTF-8": files("[pxe]\nparams = \u00e4\u20ac\U0001f600\n"),
    "no section": files("params = a\n[pxe]\nshared = b\n"),
    "no assignment": files("[pxe]\nparams\n"),
    "no key": files("[pxe]\n = x\n"),
    "no key but a value": files("[pxe]\n=x\n"),
    "section without end": files("[pxe\nparams = a\n"),
    "section with a comment": files("[pxe] # x\nparams = a\n"),
    "section without name": files("[]\nparams = a\n"),
    "section of a blank": files("[ ]\nparams = a\n"),
    "later files win": files("[pxe]\nparams = 1\nshared = 1\n", "[pxe]\nparams = 2\n"),
    "bad line in a later file": files("[pxe]\nparams = 1\n", "[pxe]\n\nparams\n"),
    "folder": files("[pxe]\nparams = file\nshared = file\n",
                    dir={"b.conf": "[pxe]\nparams = b\n", "a.conf": "[pxe]\nparams = a\nshared = a\n",
                         ".c.conf": "[pxe]\nparams = hidden\n", "z.ini": "[pxe]\nparams = z\n",
                         "B.conf": "[pxe]\nparams = B\nurl = B\n"}),
    "environment": files("[pxe]\nparams = file\nshared = file\n",
                         env={"OS_PXE__PARAMS": "env", "OS_DEFAULT__HOST": "$my_ip", "OS_PXE__shared": "no", "OS_PXE_SHARED": "no"}),
    "environment is not unquoted": files("", env={"OS_PXE__PARAMS": "\"a\"", "OS_API__PORT": " 7 ", "OS_API__FLAG": " true"}),
    "environment, empty": files("[pxe]\nparams = file\n", env={"OS_PXE__PARAMS": "", "OS_API__PORT": ""}),
    "environment hides a bad file": files("[api]\nport = x\n", env={"OS_API__PORT": "1"}),
    "environment is bad": files("[api]\nport = 1\n", env={"OS_API__PORT": "x"}),
    "environment has no old names": files("", env={"OS_PXE__APPEND_PARAMS": "x", "OS_DATABASE__OLD_PARAMS": "y"}),
    "old name": files("[pxe]\nappend_params = old\n"),
    "old name in another group": files("[database]\nold_params = old\n"),
    "new name before old": files("[pxe]\nparams = new\nappend_params = old\n"),
    "first old name before second": files("[DATABASE]\nold_params = second\n[pxe]\nappend_params = first\n"),
    "old name in a later file": files("[pxe]\nparams = new\n", "[pxe]\nappend_params = old\n"),
    "reference by old name in its group": files("[DEFAULT]\nhost = ${pxe.append_params}\n"),
    "reference by old name in the old group": files("[DEFAULT]\nhost = ${DATABASE.old_params}\n"),
    "references": files("[DEFAULT]\nmy_ip = 10.0.0.1\nhost = $my_ip:${my_ip}\n[pxe]\nshared = $url $base\n"),
    "own group first": files("[DEFAULT]\nhost = $shared\n[pxe]\nshared = from-pxe\nparams = $shared\n"),
    "own group first, unset": files("[pxe]\nparams = <$shared>\n"),
    "group and option": files("[DEFAULT]\nhost = ${pxe.params} $pxe.params $api.port/x\n"),
    "dotted name is greedy": files("[DEFAULT]\nhost = $my_ip.\n"),
    "dotted name is greedy in braces": files("[DEFAULT]\nhost = ${my_ip}.\n"),
    "name with a digit": files("[DEFAULT]\nhost = $my_ip2\n"),
    "DEFAULT is no group": files("[DEFAULT]\nhost = ${DEFAULT.my_ip}\n"),
    "group in capitals": files("[DEFAULT]\nhost = ${PXE.params}\n"),
    "group alone": files("[DEFAULT]\nhost = $pxe\n"),
    "no such option": files("[DEFAULT]\nhost = $nosuch\n[pxe]\nparams = ${pxe.nosuch}\n"),
    "no such group": files("[DEFAULT]\nhost = ${nosuch.my_ip}\n"),
    "capitals": files("[DEFAULT]\nhost = $MY_IP\n"),
    "escapes": files("[pxe]\nparams = $$my_ip \\$my_ip $$$my_ip \\\\$my_ip\nshared = $$ $$$$ \\$\nurl = $\n"),
    "backslash and two dollars": files("[pxe]\nparams = \\$$my_ip\nshared = \\$$$my_ip\n"),
    "not references": files("[pxe]\nparams = $ $1 $- ${ ${} ${1} ${my_ip ${ my_ip} ${my-ip} $. ${.a}\nshared = a$\n"),
    "underscore": files("[pxe]\nparams = $_\n"),
    "values are not read again": files("[DEFAULT]\nhost = $$my_ip\n[pxe]\nparams = $host\n"),
    "types in references": files("[DEFAULT]\nhost = ${api.port} ${api.flag} ${api.ratio} ${api.items} <${pxe.shared}>\n[api]\nport = 007\nflag = ON\nratio = 1e3\nitems = 'x', \"y'z\", a\\b\n"),
    "reference makes a number": files("[DEFAULT]\nhost = 12\n[api]\nport = $host\n[pxe]\ncount = ${host}3\n"),
    "reference to a wrong value": files("[DEFAULT]\nhost = ${api.port}\n[api]\nport = x\n"),
    "references in a list": files("[api]\nitems = $my_ip, ${pxe.params},$$x\n[pxe]\nfiles = a:$my_ip,${pxe.params}:b\n"),
    "loop": files("[DEFAULT]\nloop = $loop\n"),
    "loop of two": files("[DEFAULT]\nloop = $loop2\nloop2 = $loop\n"),
    "default refers to what the file sets": files("[DEFAULT]\nmy_ip = x\n[api]\nport = 1\n"),
    "unknown groups and options": files("[nosuch]\na = b\n[pxe]\nnosuch = c\nparams = d\n"),
}

VALUES = [
    "", " ", "0", "1", "-1", "+1", "007", "1_000", "1__0", "_1", "1_", "0x10", "0o17", "1.0", "1.", ".5", ".", "1e3", "1E+3",
    "1e", "1_0.0_1", "inf", "-Infinity", "nan", "NaN", "1e400", "12 34", " 5 ", "\t6\n", "\x1c7", "300", "301", "65535", "65536",
    "9223372036854775807", "-9223372036854775808", "0.1", "100000.0", "1e15", "1e16", "1e-4", "1e-5", "123456789.125", "-0.0",
    "true", "TRUE", "True", "yes", "Yes", "on", "off", "no", "false", "t", "y", "none", "None", "2",
    "noauth", "NoAuth", "http_basic", "keystone,noauth", "noauth ",
    "127.0.0.1", "127.1", "0127.0.0.1", "1.2.3.4.5", "256.1.1.1", "::", "::1", "[::1]", "fe80::1%eth0", "::ffff:1.2.3.4", "1::2::3",
    "localhost", "a.example.com", "a.example.com.", "-a.com", "a-.com", "a..b", "a_b", "1234", "a.123", "a.1b", "-", "a.-",
    "x" * 63, "x" * 64, ".".join(["x" * 60] * 5), ".", "..", "\u00e4.de", "a b",
    "a", "a,b", "a, b ,c", "a,,b", ",", ",,", ",a", "a,", "a,,", " a , ", "a\nb,c", "'a','b'", "'a,b',c", "\"a,b", "'", "'a'b", "a'b", "''",
    "\"a\",'b,c,d',e", "'a,'b'", "'a' , ' b '", "'''", "'a\", \"b'",
    "/", "//", "///", "/a", "/a/", "/a//", "//a", "///a", "/a//b", "/a/../b", "/a/.", "/a/..b", "a/b", "~", "/a,/b", "/a,b", "/a, /b/ ", "/a,b,/c", ".,/a",
    "a:b", "a:b,c:d", "a:b:c", "a : b , c : d", "a:", ":b", "a", "a:b,", ",a:b", "a:b,c", "a:b,c,d:e", "a:b,a:c", "a:'b,c',d:e", "a:'b", "a:'b,c:d'",
    "a:b,,c:d", "a: b\n c:d", ":", "a:'b'x", "a:'',b:\"\"", "ipxe.efi:/usr/share/ipxe,undionly.kpxe:/usr/b",
]


def convert(kind, value):
    try:
        got = TYPES[kind](value)
    except ValueError:
        return {"error": True}
    return {"value": plain(got), "str": "" if got is None else str(got)}


def soup(rng):
    """A random file of pieces that the reader cares about."""
    pieces = ["[pxe]\n", "[api]\n", "[DEFAULT]\n", "params", "shared", "host", "my_ip", "=", " = ", ":", "\n", "\n", "\n", " ", "\t", "#", ";",
              "'", "\"", "a", "b c", "$my_ip", "${pxe.params}", "$$", "\\$", "$", "{", "}", ".", "[", "]", "\r", "1", ",", "url", "$shared", "\u00a0"]
    text = "".join(rng.choice(pieces) for _ in range(rng.randrange(4, 40)))
    return "[pxe]\n" + text if rng.random() < 0.8 else text


def lines(rng):
    """A random file of whole lines, most of them right."""
    rows = ["[pxe]", "[api]", "[DEFAULT]", "[PXE]", "", "# c", "  more", "\tmore = x", "port = 5", "port = 70000", "flag = Yes", "ratio = 2.50",
            "items = a, b", "params = \"q\"", "append_params = o", "shared = $my_ip", "host: ${pxe.shared}", "my_ip = $$x", "url = $base",
            "files = a:b", "count = -4", "loop = $host", "count = ${api.port}"]
    return "[DEFAULT]\n" + "\n".join(rng.choice(rows) for _ in range(rng.randrange(3, 25))) + "\n"


def main():
    for key in list(os.environ):
        if key.startswith("OS_"):
            del os.environ[key]
    rng = random.Random(2044561)
    cases = dict(CASES)
    for i in range(250):
        cases["soup %d" % i] = files(soup(rng))
    for i in range(120):
        cases["lines %d" % i] = files(lines(rng), lines(rng))
    out = {
        "options": [{"group": g, "name": n, "type": t, "default": d or "",
                     "old": [{"group": og or "", "name": on} for og, on in old]} for g, n, t, d, old in OPTIONS],
        "cases": [dict(name=name, **case, want=read(case)) for name, case in cases.items()],
        "values": [{"type": kind, "text": value, "want": convert(kind, value)} for kind in TYPES for value in VALUES],
    }
    for part in ("cases", "values"):  # a row a line, for readable changes
        out[part] = "\n".join(json.dumps(row, ensure_ascii=True) for row in out[part])
    print('{"options": %s,\n"cases": [\n%s\n],\n"values": [\n%s\n]}' % (
        json.dumps(out["options"]), out["cases"].replace("\n", ",\n"), out["values"].replace("\n", ",\n")))


sys.setrecursionlimit(600)
main()
