"""minisgl: sparse training of convolutional networks from scratch, in NumPy, with every gradient written by hand.

`network, report = minisgl.load(RUN)` gives what `python -m minisgl.train` saved, and `minisgl.load("RUN/compact.safetensors")`
what `python -m minisgl.compress` made of it.
"""

__version__ = "0.1.0"

from minisgl.errors import MinisglError
from minisgl.run import load

__all__ = ["MinisglError", "__version__", "load"]
