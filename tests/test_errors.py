"""minisgl.errors: the sentence for a missing package of an extra."""

import math
import re
import sys
from functools import partial

import pytest

from minisgl.errors import MinisglError, require, require_matplotlib


def test_a_module_that_is_there_is_returned():
    assert require("math", "sweep", "a sweep") is math


def test_one_that_is_missing_is_named_with_its_purpose_and_its_extra():
    sentence = 'no_such_package is not installed, and a sweep needs it: pip install -e ".[sweep]" in minisgl\'s checkout'
    with pytest.raises(MinisglError, match=f"^{re.escape(sentence)}$"):
        require("no_such_package", "sweep", "a sweep")


def test_one_that_misses_a_package_of_its_own_names_that(tmp_path, monkeypatch):
    (tmp_path / "without_its_need.py").write_text("import its_own_need\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MinisglError, match=r"^its_own_need is not installed, and grading needs it"):
        require("without_its_need", "notebooks", "grading")


@pytest.mark.parametrize("import_it", [partial(require, extra="sweep"), require_matplotlib])
def test_another_error_of_an_import_is_not_hidden(import_it, tmp_path, monkeypatch):
    (tmp_path / "broken_one.py").write_text("import math\nmath.no_such_name\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(AttributeError):
        import_it("broken_one", purpose="a sweep")
    assert "broken_one" not in sys.modules
