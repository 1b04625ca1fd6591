"""The one error type whose message a user sees.

A command that meets it prints the message, one sentence with the numbers in it, and exits with status 2. Anything else
that escapes is a defect of ours and keeps its traceback.
"""


class MinisglError(Exception):
    """Something the user can mend: a wrong value, a missing or damaged file, a training that diverged."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, after all has been saved; the message says how to go on."""
