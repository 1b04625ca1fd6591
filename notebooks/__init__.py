"""The course. `build.py` makes its notebooks from `source/`; README.md says how to write a chapter."""
