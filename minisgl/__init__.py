"""minisgl: sparse training of convolutional networks from scratch, in NumPy, with every gradient written by hand.

`network, report = minisgl.load(RUN)` gives what `python -m minisgl.train` saved, `network = minisgl.load_compact(RUN)` what
`python -m minisgl.compress` made of it.
"""

__version__ = "0.1.0"

from minisgl.errors import MinisglError
from minisgl.run import load, load_compact

__all__ = ["MinisglError", "__version__", "load", "load_compact"]
