"""Print Ironic's provision state machine as JSON: [state, event, next state]."""
import json

from ironic.common import states

rows = []
for state, events in states.machine._transitions.items():
    for event, jump in events.items():
        rows.append([state, event, jump.name])
print("[" + ",\n".join(json.dumps(row) for row in sorted(rows)) + "]")
