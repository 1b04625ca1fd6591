"""The code and the commands of docs/your-own-network.md."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "your-own-network.md").read_text("utf-8")
MLP, SQUARES, PYTHON, PRELU, DIFFERENCES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [line.partition("#")[0].split() for line in PAGE.splitlines() if line.startswith("python -m ")]


def commands(word: str) -> dict[str, list[str]]:
    """The page's commands with this word in them: what follows the module's name, by "train", "resume", "evaluate", ..."""
    found = {}
    for _, _, module, *words in COMMANDS:
        if word in words:
            found["resume" if "--resume" in words else module.removeprefix("minisgl.")] = words
    return found
