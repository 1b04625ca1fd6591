"""How a command ends: what the encoding of its output lacks is escaped, and a signal that comes too late changes nothing."""

import io
import signal
import subprocess
import sys

import pytest
from support.resuming import posix

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


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_python_shuts_down_is_ignored(number: signal.Signals) -> None:
    code = f"""
import atexit, os
from minisgl.command import errors_as_sentences
atexit.register(lambda: (os.kill(os.getpid(), {int(number)}), print("later")))
with errors_as_sentences():
    print("all")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "all\nlater\n", "")
