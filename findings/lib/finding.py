"""How a finding's Python part tells the shell part what it saw."""
import sys


def verdict(surprises):
    """Ends the program: with 0 if the software surprises as before, with 3 if it does not. Any other code
    is a failure of the experiment itself."""
    sys.exit(0 if surprises else 3)
