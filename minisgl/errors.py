"""The one error type whose message a user sees, and the sentence that is said when a package of an extra is missing.

A command that meets it prints the message, one sentence with the numbers in it, and exits with status 2. Anything else
that escapes is a defect of ours and keeps its traceback.
"""

import importlib
from typing import Any


class MinisglError(Exception):
    """Something the user can mend: a wrong value, a missing or damaged file, a training that diverged."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, after all has been saved; the message says how to go on."""


def require(module: str, extra: str, purpose: str) -> Any:
    """The module of that name, imported. MinisglError, with the command that installs minisgl's `extra`, if one is missing.

    `purpose` is what cannot go on without it: "compact.onnx". The package that the message names may be one that the module
    imports in its turn.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MinisglError(
            f"{error.name} is not installed, and {purpose} needs it: pip install -e '.[{extra}]' in minisgl's checkout"
        ) from error
