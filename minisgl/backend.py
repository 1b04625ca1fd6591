"""Which array module an array belongs to, and how arrays move between host and device.

There is no global switch for the backend. A function looks up the module of the array that it was given and calls that
module, so the same line runs on the processor and on a GPU. Only to_device and to_host copy numbers between the two.
"""

import sys
from typing import Any, Literal

import numpy as np

from minisgl.errors import MinisglError

Backend = Literal["numpy", "cupy"]

# An array of any module that follows NumPy's interface. Python's type system cannot express "the same module as that
# array", so annotations say Array and comments give the shapes.
Array = Any


def get_array_module(x: Array) -> Any:
    """Return the module (numpy, cupy) whose functions work on x: `xp = get_array_module(x)`. TypeError if x is not an array."""
    if isinstance(x, np.ndarray | np.generic):
        return np
    if hasattr(x, "__array_namespace__"):
        return x.__array_namespace__()
    package = type(x).__module__.partition(".")[0]
    if package == "cupy":  # its arrays have no __array_namespace__, as of CuPy 14
        return sys.modules[package]
    raise TypeError(f"x must be a NumPy or CuPy array, not a {type(x).__name__}")


def to_device(x: Array, xp: Any) -> Array:
    """Return x as an array of the module xp; x itself if it is one already."""
    return xp.asarray(x)


def to_host(x: Array) -> Array:
    """Return x as a NumPy array or scalar; x itself if it is one already."""
    return x.get() if hasattr(x, "get") else x


def block_size(x: Array, in_cache: int) -> int:
    """How many of x's numbers to process at a time: `in_cache` on the host; all on a device, where every launch takes time."""
    return in_cache if isinstance(x, np.ndarray) else max(x.size, 1)


def row_blocks(rows: int, numbers: int, size: int) -> list[slice]:
    """Split `rows` rows, `numbers` numbers in all, into blocks of whole rows: about `size` numbers each, at least one row.

    All code in minisgl that works in blocks that stay in a core's cache uses this function; `size` comes from block_size.
    """
    rows_per_block = max(size * rows // max(numbers, 1), 1)
    return [slice(start, min(start + rows_per_block, rows)) for start in range(0, rows, rows_per_block)]


def array_module(backend: Backend) -> Any:
    """Return the module numpy, or cupy after a small computation on the GPU. MinisglError says what cupy needs to work.

    CuPy can be imported even where it cannot work: without a driver its first operation fails, and without CUDA's libraries
    the first operation that needs them.
    """
    if backend == "numpy":
        return np
    try:
        import cupy  # noqa: PLC0415 (only if the user asks for it)
    except ModuleNotFoundError as error:
        if error.name != "cupy":
            raise MinisglError(f"CuPy cannot be imported: {error}") from error
        raise MinisglError(
            'CuPy is not installed (pip install -e ".[cuda12]" or ".[cuda13]" in minisgl\'s checkout, to match your driver)'
        ) from error
    except ImportError as error:
        raise MinisglError(f"CuPy cannot be imported: {_first_line(error)}") from error
    if not cupy.cuda.is_available():
        raise MinisglError("no NVIDIA driver or GPU found: --backend cupy needs both; --backend numpy runs anywhere")
    try:
        ones = cupy.ones((2, 2), dtype=cupy.float32)
        (cupy.exp(ones) @ ones).sum().item()  # a compiled kernel and a matrix product
    except (ImportError, OSError, RuntimeError) as error:
        raise MinisglError(
            f'CUDA libraries missing, or too old or new for the driver (pip install "cupy-cuda13x[ctk]", or '
            f"cupy-cuda12x[ctk]): {_first_line(error)}"
        ) from error
    return cupy


def device_name(xp: Any) -> str | None:
    """Return the GPU's name, or None if the module xp computes on the processor."""
    if not hasattr(xp, "cuda"):
        return None
    name: bytes = xp.cuda.runtime.getDeviceProperties(xp.cuda.Device().id)["name"]
    return name.decode()


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
