"""Runs openstackclient's own main() once for each line of standard input.

A line is a JSON list of arguments; the answer is a JSON object with what it
printed and its exit code. Starting the client anew for each command takes
more than a second; this takes it once.
"""
import contextlib
import io
import json
import sys

from openstackclient import shell

answers = sys.stdout
for line in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    out.buffer = out  # the client writes to either
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = shell.main(json.loads(line))
        except SystemExit as e:
            code = e.code
    answers.write(json.dumps({'code': code or 0, 'out': out.getvalue(), 'err': err.getvalue()}) + '\n')
    answers.flush()
