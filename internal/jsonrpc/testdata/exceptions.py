"""Prints the code of each of Ironic's exception classes as a JSON object."""
import inspect
import json

from ironic.common import exception
from ironic_lib.exception import IronicException

print(json.dumps({name: int(c.code) for name, c in vars(exception).items()
                  if inspect.isclass(c) and issubclass(c, IronicException)}))
