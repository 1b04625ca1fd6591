"""Which array module an array belongs to, and how numbers get from one to the other.

No function asks which backend is switched on: there is no switch. It asks the array it was given, and calls that array's
own module. So the same line runs wherever the data lies. Between host and device numbers move in to_device and to_host, and
nowhere else.
"""

import sys
from typing import Any, Literal

import numpy as np

from minisgl.errors import MinisglError

Backend = Literal["numpy", "cupy"]

# An array of any module that follows NumPy's interface. Python's type system has no name for "the same module as that
# array", so annotations say Array and shapes stand in comments.
Array = Any


def get_array_module(x: Array) -> Any:
    """Return the module (numpy, cupy) whose functions work on x: `xp = get_array_module(x)`. TypeError if x is no array."""
    if isinstance(x, np.ndarray | np.generic):
        return np
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


def block_size(x: Array, in_cache: int) -> int:
    """How many of x's numbers to work on at a time: `in_cache` on the host; on a device, where each start costs, all."""
    return in_cache if isinstance(x, np.ndarray) else max(x.size, 1)


def row_blocks(rows: int, numbers: int, size: int) -> list[slice]:
    """Cut `rows` rows, `numbers` numbers in all, into runs of whole rows: about `size` numbers each, and at least one row.

    The one way in which minisgl cuts work into blocks that stay in a core's cache; `size` comes from block_size.
    """
    each = max(size * rows // max(numbers, 1), 1)
    return [slice(start, min(start + each, rows)) for start in range(0, rows, each)]


def array_module(backend: Backend) -> Any:
    """The module numpy, or cupy after one small computation on the GPU. MinisglError says what is missing for it.

    CuPy can be imported where nothing of it works: without a driver the first operation fails, and without CUDA's libraries
    the first one that needs them.
    """
    if backend == "numpy":
        return np
    try:
        import cupy  # noqa: PLC0415 (only for those who ask for it)
    except ModuleNotFoundError as error:
        if error.name != "cupy":
            raise MinisglError(f"CuPy cannot be imported: {error}") from error
        raise MinisglError(
            "CuPy is not installed (pip install -e '.[cuda12]' or '.[cuda13]' in minisgl's checkout, by your driver)"
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
            f'CUDA libraries missing, or of another version than the driver (pip install "cupy-cuda13x[ctk]", or '
            f"cupy-cuda12x[ctk]): {_first_line(error)}"
        ) from error
    return cupy


def device_name(xp: Any) -> str | None:
    """The GPU's name; None where the module xp computes on the processor."""
    if not hasattr(xp, "cuda"):
        return None
    name: bytes = xp.cuda.runtime.getDeviceProperties(xp.cuda.Device().id)["name"]
    return name.decode()


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
