"""What indexed kernels compute, in NumPy: by the kernel's name, a function of its arguments that writes its outputs."""

from collections.abc import Callable

TWINS: dict[str, Callable[..., None]] = {}
