"""Show the package's own code in a chapter: `show_code(L0.prox)`.

Only the chapters import this. It needs IPython, in which every notebook runs.
"""

import inspect
from pathlib import Path
from textwrap import dedent
from typing import Any

import minisgl


def show_code(*objects: Any) -> Any:
    """Return the source of functions, methods, classes or modules of minisgl as Markdown, under the names of their files."""
    from IPython.display import Markdown  # noqa: PLC0415 (only notebooks have IPython)

    sources: dict[str, list[str]] = {}  # by file
    for thing in objects:
        file = Path(inspect.getfile(thing)).relative_to(Path(minisgl.__file__).parents[1]).as_posix()
        sources.setdefault(file, []).append(dedent(inspect.getsource(thing)).rstrip())
    blocks = [f"`{file}`\n```python\n" + "\n\n".join(parts) + "\n```" for file, parts in sources.items()]
    return Markdown("\n\n".join(blocks))
