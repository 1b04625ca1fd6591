"""Print, for pip's -c option, every dependency of pyproject.toml pinned to its lower bound: numpy>=2.0 as numpy==2.0."""

import re
import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path(sys.argv[1]).read_text())["project"]
for requirement in project["dependencies"]:
    name, bound = re.fullmatch(r"([\w-]+)>=([\d.]+)", requirement).groups()
    print(f"{name}=={bound}")
