"""What the chapters of the course share: the package's own code, shown where a chapter speaks of it.

The chapters import it; nothing else does. It needs IPython, which every notebook runs in.
"""

import inspect
from pathlib import Path
from textwrap import dedent
from typing import Any

import minisgl


def show_code(*objects: Any) -> Any:
    """The source of functions, methods, classes or modules as they stand in minisgl, under the names of their files."""
    from IPython.display import Markdown  # noqa: PLC0415 (IPython is there in a notebook, and only there)

    sources: dict[str, list[str]] = {}  # by file
    for thing in objects:
        file = Path(inspect.getfile(thing)).relative_to(Path(minisgl.__file__).parents[1]).as_posix()
        sources.setdefault(file, []).append(dedent(inspect.getsource(thing)).rstrip())
    blocks = [f"`{file}`\n```python\n" + "\n\n".join(parts) + "\n```" for file, parts in sources.items()]
    return Markdown("\n\n".join(blocks))
