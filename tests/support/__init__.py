"""What the tests share and import by name: `from support.commands import parsed`. Fixtures are in the conftest.py files."""
