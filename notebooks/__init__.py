"""The course. `build.py` makes its notebooks from `source/`; how a chapter is written is told in README.md."""
