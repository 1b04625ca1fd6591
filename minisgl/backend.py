"""Which array module an array belongs to.

No function asks which backend is switched on: there is no switch. It asks the array it was given, and calls that array's
own module. So the same line runs wherever the data lies.
"""

from typing import Any

# An array of any module that follows NumPy's interface. Python's type system has no name for "the same module as that
# array", so annotations say Array and shapes stand in comments.
Array = Any


def get_array_module(x: Array) -> Any:
    """Return the module (numpy, for one) whose functions work on x: `xp = get_array_module(x)`."""
    return x.__array_namespace__()
