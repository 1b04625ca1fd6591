"""Which array module an array belongs to, and how numbers get from one to the other.

No function asks which backend is switched on: there is no switch. It asks the array it was given, and calls that array's
own module. So the same line runs wherever the data lies. Between host and device numbers move in to_device and to_host, and
nowhere else.
"""

import sys
from typing import Any

# An array of any module that follows NumPy's interface. Python's type system has no name for "the same module as that
# array", so annotations say Array and shapes stand in comments.
Array = Any


def get_array_module(x: Array) -> Any:
    """Return the module (numpy, cupy) whose functions work on x: `xp = get_array_module(x)`. TypeError if x is no array."""
    if hasattr(x, "__array_namespace__"):
        return x.__array_namespace__()
    package = type(x).__module__.partition(".")[0]
    if package == "cupy":  # its arrays do not tell, as of CuPy 14
        return sys.modules[package]
    raise TypeError(f"an array of NumPy or CuPy is wanted, and this is a {type(x).__name__}")


def to_device(x: Array, xp: Any) -> Array:
    """x as an array of the module xp; x itself if it is one."""
    return xp.asarray(x)


def to_host(x: Array) -> Array:
    """x as a NumPy array or scalar; x itself if it is one."""
    return x.get() if hasattr(x, "get") else x
