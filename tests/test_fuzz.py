"""A short run of the fuzzer; `python tests/support/fuzz.py --count 100000` is the long one."""

import pytest
from support import fuzz


@pytest.mark.filterwarnings("ignore")  # libraries may warn about damaged files
def test_two_thousand_mutations_are_each_read_or_refused():
    outcomes = fuzz.run(2000, seed=0)
    assert outcomes.total() == 2000
    for name in ("idx", "model", "checkpoint", "compact", "config", "command line", "picture", "font"):
        assert outcomes[f"{name} refused"] > 0


def test_a_reader_that_breaks_is_found(monkeypatch):
    monkeypatch.setattr(fuzz.idx, "read", lambda path, dimensions: path.read_bytes()[50] and [])
    with pytest.raises(IndexError):
        fuzz.run(300, seed=0, names=["idx"])


def test_every_example_is_valid(tmp_path):
    readers = fuzz.Readers(tmp_path)
    for name, target in readers.targets.items():
        for example in readers.examples[name]:
            if name != "idx":  # read as labels and as images, of which an example is one
                assert fuzz.outcome(target, example) == "valid", (name, example[:40])
