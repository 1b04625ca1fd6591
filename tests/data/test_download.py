"""Downloads from a server on this machine: a whole one is kept, and one that fails in any way leaves nothing and a sentence."""

import hashlib
import http.server
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from support.faults import run_python
from support.processes import ends
from support.resuming import posix

from minisgl.data import download
from minisgl.data.download import Published
from minisgl.errors import MinisglError

CONTENT = np.random.default_rng(0).bytes(4_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by the first part of the address; `requests` has all of them."""

    requests: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        kind = self.path.split("/")[1]
        self.requests.append(kind)
        if kind == "404":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        if kind == "whole":
            self.wfile.write(CONTENT)
        elif kind == "wrong":
            self.wfile.write(bytes([CONTENT[0] ^ 1]) + CONTENT[1:])
        else:
            self.wfile.write(CONTENT[:2_000_000])
            self.wfile.flush()
            if kind == "stalled":
                self.server.go_on.wait(60)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def server():
    Handler.requests.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.go_on = threading.Event()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.go_on.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The cache directory; nothing has made it yet."""
    monkeypatch.setenv("MINISGL_DATA", str(tmp_path / "deep" / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "deep" / "cache"


def published(server, kind: str) -> Published:
    return Published("A set", f"http://127.0.0.1:{server.server_port}/{kind}/set.tar.gz", 4, SHA256)


def assert_refused(file: Published, cache: Path, why: str) -> None:
    before = sorted(cache.glob("*"))
    with pytest.raises(MinisglError) as caught:
        download.fetch(file)
    assert str(caught.value) == (
        f"A set cannot be downloaded: {why}; fetch {file.url} (4 MB, SHA-256 {SHA256}) by hand, and give --data set.tar.gz"
    )
    assert sorted(cache.glob("*")) == before


def test_a_file_is_downloaded_once(server, cache, capfd):
    file = published(server, "whole")
    assert download.fetch(file) == cache / "set.tar.gz"
    assert (cache / "set.tar.gz").read_bytes() == CONTENT
    assert capfd.readouterr().err == f"minisgl: downloading A set, 4 MB, from {file.url} to {cache}\n"
    assert download.fetch(file) == cache / "set.tar.gz"
    assert Handler.requests == ["whole"]
    assert [path.name for path in cache.iterdir()] == ["set.tar.gz"]
    assert capfd.readouterr() == ("", "")


def test_a_damaged_file_in_the_cache_is_replaced_but_only_by_the_published_one(server, cache):
    cache.mkdir(parents=True)
    (cache / "set.tar.gz").write_bytes(CONTENT[:-1])
    assert_refused(published(server, "wrong"), cache, f"what 127.0.0.1:{server.server_port} sent is not the published file")
    assert (cache / "set.tar.gz").read_bytes() == CONTENT[:-1]
    download.fetch(published(server, "whole"))
    assert (cache / "set.tar.gz").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("cut", "the connection to {} broke off"),
        ("wrong", "what {} sent is not the published file"),
        ("404", "{} answers 404 Not Found"),
    ],
)
def test_a_download_that_fails_leaves_nothing(kind, why, server, cache):
    assert_refused(published(server, kind), cache, why.format(f"127.0.0.1:{server.server_port}"))


def test_a_server_that_falls_silent(server, cache, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    assert_refused(published(server, "stalled"), cache, f"there is no connection to 127.0.0.1:{server.server_port}")


def test_no_connection(cache):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # nobody listens there
        place = f"127.0.0.1:{unused.getsockname()[1]}"
        file = Published("A set", f"http://{place}/set.tar.gz", 4, SHA256)
        assert_refused(file, cache, f"there is no connection to {place}")


def test_a_cache_that_is_a_file(server, cache):
    cache.parent.mkdir()
    cache.write_text("")
    with pytest.raises(MinisglError, match=f"{cache.name} cannot be (read|written): .*; fetch http"):
        download.fetch(published(server, "whole"))


# ---- in processes of their own

CHILD = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it, and so would this
from minisgl.command import errors_as_sentences
from minisgl.data.download import Published, fetch
with errors_as_sentences():
    print(fetch(Published("A set", sys.argv[1], 4, sys.argv[2])))
"""


def test_a_terminal_shows_a_bar(server, cache, tmp_path):
    words = ["-c", CHILD, published(server, "whole").url, SHA256]
    done = run_python(*words, cwd=tmp_path, FORCE_COLOR="1", COLUMNS="100")
    assert done.returncode == 0, done.stderr
    assert "4.0/4.0 MB" in done.stderr
    assert "\x1b" not in run_python(*words, cwd=tmp_path, MINISGL_DATA=str(tmp_path / "other")).stderr


@posix
def test_no_network(tmp_path):
    prefix = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") is None or subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not make a network of its own")
    code = CHILD.partition("    print")[0] + "    from minisgl.data import cifar10\n    cifar10.load()\n"
    done = run_python("-c", code, cwd=tmp_path, prefix=prefix, MINISGL_DATA="cache")
    assert done.returncode == 2
    announced, refused = done.stderr.splitlines()
    assert announced.startswith("minisgl: downloading CIFAR-10, 162 MB, from https://www.cs.toronto.edu/~kriz/cifar-10-binary")
    assert "CIFAR-10 cannot be downloaded: there is no connection to www.cs.toronto.edu; fetch https://www.cs" in refused
    assert refused.endswith(" by hand, and give --data cifar-10-binary.tar.gz")
    assert list((tmp_path / "cache").iterdir()) == []


@posix
def test_a_full_disk(server, cache, tmp_path):
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    script = 'mkdir disk && mount -t tmpfs -o size=2m none disk || exit 99; "$@"; status=$?; ls -A disk; exit $status'
    prefix = ("unshare", "--mount", "sh", "-c", script, "sh")
    words = ["-c", CHILD, published(server, "whole").url, SHA256]
    done = run_python(*words, cwd=tmp_path, prefix=prefix, MINISGL_DATA="disk")
    if done.returncode in (1, 99):
        pytest.skip(f"only root may mount a file system: {done.stderr}")
    assert done.returncode == 2
    assert done.stdout == ""  # of ls: nothing is left
    assert done.stderr.splitlines()[1].startswith(
        "minisgl: A set cannot be downloaded: disk cannot be written: No space left on"
    )
    assert SHA256 in done.stderr


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_download_leaves_nothing(number, server, cache, tmp_path):
    words = [sys.executable, "-c", CHILD, published(server, "stalled").url, SHA256]
    with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 60
        while not [path for path in cache.glob("*") if path.stat().st_size > 1_000_000]:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        process.send_signal(number)
        assert ends(process.pid)
        assert process.wait() == 128 + number
        assert len(process.stderr.read().splitlines()) == 2  # what is downloaded, and that it was interrupted
    assert list(cache.iterdir()) == []


def test_two_processes_download_at_once(server, cache, tmp_path):
    words = [sys.executable, "-W", "error", "-c", CHILD, published(server, "whole").url, SHA256]
    both = [subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        assert process.communicate(timeout=60)[0] == f"{cache / 'set.tar.gz'}\n"
        assert process.returncode == 0
    assert [path.name for path in cache.iterdir()] == ["set.tar.gz"]
    assert (cache / "set.tar.gz").read_bytes() == CONTENT
