"""How a command ends: what the encoding of its output lacks is escaped, and never ends it."""

import io
import sys

import pytest

from minisgl.command import errors_as_sentences
from minisgl.errors import MinisglError


def fail() -> None:
    print("runs/Łódź")
    raise MinisglError("runs/Łódź holds no run")


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])  # as on Linux, and as on Windows
def test_what_the_encoding_lacks_is_escaped(errors: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(io.BytesIO(), "cp1252", errors))
    with pytest.raises(SystemExit), errors_as_sentences():
        fail()
    written = [stream.flush() or stream.buffer.getvalue() for stream in (sys.stdout, sys.stderr)]
    monkeypatch.undo()
    assert written[0].rstrip() == rb"runs/\u0141" + "ód".encode("cp1252") + rb"\u017a"
    assert written[1].startswith(rb"minisgl: runs/\u0141")
