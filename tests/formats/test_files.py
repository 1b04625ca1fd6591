"""Files are whole or not there, arrays come back bit for bit, and a damaged file is refused in one sentence.

The disk is made to fail at each step of a write; every byte of a small safetensors file is flipped in turn.
"""

import errno
import io
import json
import os
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minisgl.errors import MinisglError
from minisgl.formats import files

EXPECTED = {"a": (2, 3), "b": (2,)}
ARRAYS = {"a": np.arange(6.0).reshape(2, 3), "b": np.array([1.5, -2], np.float32)}


def refusal(call, *arguments):
    """The sentence, one line, with which a call is refused."""
    with pytest.raises(MinisglError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def assert_same(found, arrays):
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """One file name for many small tests."""
    return tmp_path_factory.mktemp("arrays") / "x.safetensors"


# ---- atomic writing


def test_write_makes_and_replaces_a_file(tmp_path):
    for content in (b"first", b"", b"the second, longer one"):
        files.write(tmp_path / "file", content)
        assert (tmp_path / "file").read_bytes() == content
        assert os.listdir(tmp_path) == ["file"]


FULL = OSError(errno.ENOSPC, "No space left on device")


def fail(*arguments):
    raise FULL


class HalfWritten(io.FileIO):
    """A file whose disk fills up in the middle of write."""

    def write(self, content):
        super().write(content[: len(content) // 2])
        raise FULL


def open_on_a_full_disk(path, mode):
    return HalfWritten(path, mode)


BROKEN = {
    "open": (Path, "open", fail),
    "write": (Path, "open", open_on_a_full_disk),
    "fsync": (os, "fsync", fail),
    "replace": (Path, "replace", fail),
}


@pytest.mark.parametrize("existing", [["file"], []])
@pytest.mark.parametrize("broken", BROKEN)
def test_a_full_disk_leaves_what_was_there(tmp_path, broken, existing):
    path = tmp_path / "file"
    for name in existing:
        (tmp_path / name).write_bytes(b"old")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(*BROKEN[broken])
        assert "file cannot be written: No space left on device" in refusal(files.write, path, b"the new content")
    assert os.listdir(tmp_path) == existing
    assert not existing or path.read_bytes() == b"old"


def test_content_is_on_the_disk_before_the_old_file_goes(tmp_path, monkeypatch):
    """fsync comes before the rename, and sees the whole content in a file that is not yet the final one."""
    path, seen, real = tmp_path / "file", [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (seen.append((os.fstat(fd).st_size, path.exists())), real(fd)))
    files.write(path, b"12345")
    assert seen == [(5, False)]


def test_write_to_no_directory_or_to_a_directory(tmp_path):
    refusal(files.write, tmp_path / "none" / "file", b"")
    refusal(files.write, tmp_path, b"")
    assert os.listdir(tmp_path) == []


def test_a_file_that_is_open_elsewhere_for_a_moment_is_replaced(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with path.open("rb") as elsewhere:
        closing = threading.Timer(0.3, elsewhere.close)
        closing.start()
        files.write(path, b"new")
        closing.join()
    assert path.read_bytes() == b"new"


# ---- JSON


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_json_round_trip_and_no_nan(tmp_path, number):
    path, value = tmp_path / "x.json", {"a": [1, 2.5, None, True], "b": {"c": "ü"}}
    files.write_json(path, value)
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(path, {"loss": [number]})
    assert files.read_json(path) == value
    assert os.listdir(tmp_path) == ["x.json"]


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"1" * 5000, b'{"loss": NaN}', b"[-Infinity]"])
def test_what_is_not_json_is_refused(tmp_path, text):
    """NaN and Infinity are not JSON either, though Python's reader accepts them by default."""
    (tmp_path / "x.json").write_bytes(text)
    assert "x.json is not JSON" in refusal(files.read_json, tmp_path / "x.json")
    assert "No such file" in refusal(files.read_json, tmp_path / "y.json")


# ---- arrays: round trip

float_arrays = st.sampled_from([np.float32, np.float64]).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_side=0, max_side=4), elements=st.floats(-(2.0**99), 2.0**99, width=32))
)


@given(arrays=st.dictionaries(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8), float_arrays, max_size=4))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_arrays_round_trip_in_any_memory_order(scratch, arrays):
    views = {name: array.T[::-1] for name, array in arrays.items()}  # not C-contiguous
    notes = {"epoch": 3, "nested": {"b": [1.5, None], "a": "ü"}}
    files.write_arrays(scratch, views, notes)
    found, found_notes = files.read_arrays(scratch, {name: view.shape for name, view in views.items()})
    assert_same(found, views)
    assert found_notes == notes


def test_a_transposed_array_is_not_scrambled(scratch):
    """Judged by the safetensors library alone."""
    matrix = np.arange(6, dtype=np.float32).reshape(2, 3)
    files.write_arrays(scratch, {"t": matrix.T, "f": np.asfortranarray(matrix), "s": matrix[:, ::2]}, {})
    stored = safetensors.numpy.load_file(scratch)
    assert [stored[name].tolist() for name in "tfs"] == [[[0, 3], [1, 4], [2, 5]], [[0, 1, 2], [3, 4, 5]], [[0, 2], [3, 5]]]


@pytest.mark.parametrize("array", [np.array(2.5), np.array([1.0, 2.0], dtype=">f8")], ids=["no axes", "big-endian"])
def test_unusual_arrays_come_back(scratch, array):
    files.write_arrays(scratch, {"a": array}, {})
    assert files.read_arrays(scratch, {"a": array.shape})[0]["a"].tolist() == array.tolist()


def test_equal_contents_are_equal_bytes(scratch):
    contents = set()
    for i in range(8):
        arrays, notes = dict(ARRAYS), {"x": 1, "y": {"p": 1, "q": 2}}
        if i % 2:
            arrays, notes = {"b": ARRAYS["b"].copy(), "a": np.asfortranarray(ARRAYS["a"])}, {"y": {"q": 2, "p": 1}, "x": 1}
        files.write_arrays(scratch, arrays, notes)
        contents.add(scratch.read_bytes())
    assert len(contents) == 1


def test_one_metadata_key_and_no_nan_in_the_notes(scratch):
    files.write_arrays(scratch, ARRAYS, {"x": 1, "y": 2})
    before = scratch.read_bytes()
    (length,) = struct.unpack("<Q", before[:8])
    assert list(json.loads(before[8 : 8 + length])["__metadata__"]) == ["minisgl"]
    with pytest.raises(ValueError, match="JSON"):
        files.write_arrays(scratch, ARRAYS, {"loss": float("nan")})
    assert scratch.read_bytes() == before


# ---- arrays: damage


def forge(dtype, shape, size, body=b""):
    """A safetensors file with a header of our making."""
    text = json.dumps({"a": {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}}).encode()
    return struct.pack("<Q", len(text)) + text + body


CHANGED = [
    ({"a": ARRAYS["a"].T}, "a has shape (3, 2), expected (2, 3)"),
    ({"c": np.ones(1)}, "unexpected ['c']"),
    ({"a": np.arange(6).reshape(2, 3)}, "a is of type I64"),
    ({"b": np.ones(2, np.float16)}, "b is of type F16"),
    ({"b": np.array([np.nan, 1])}, "b has 1 NaN"),
    ({"b": np.array([np.inf, -np.inf])}, "b has 2 NaN or infinite"),
]


@pytest.mark.parametrize(("changed", "part"), CHANGED)
def test_other_contents_are_refused(scratch, changed, part):
    files.write_arrays(scratch, ARRAYS | changed, {})
    assert part in refusal(files.read_arrays, scratch, EXPECTED)
    assert "missing ['d']" in refusal(files.read_arrays, scratch, EXPECTED | {"d": (2,)})
    assert "No such file" in refusal(files.read_arrays, scratch.with_name("none"), EXPECTED)


@pytest.mark.parametrize("notes", ["[1]", "}{", '{"checksum": null}', '{"checksum": "00"}'])
def test_damaged_notes_are_refused(scratch, notes):
    scratch.write_bytes(safetensors.numpy.save(ARRAYS, {"format": "pt"}))
    assert files.read_arrays(scratch, EXPECTED)[1] == {}  # another program's file has none
    scratch.write_bytes(safetensors.numpy.save(ARRAYS, {"minisgl": notes}))
    refusal(files.read_arrays, scratch, EXPECTED)


def test_every_flipped_byte_and_every_truncation(scratch):
    """A flip gives a sentence or, where it hit the name of a note, the very same arrays; a cut always a sentence."""
    files.write_arrays(scratch, ARRAYS, {"x": 1})
    good = scratch.read_bytes()
    for at in range(len(good)):
        for flip in (1 << at % 8, 0xFF):
            scratch.write_bytes(good[:at] + bytes([good[at] ^ flip]) + good[at + 1 :])
            try:
                found, _ = files.read_arrays(scratch, EXPECTED)
            except MinisglError:
                refusal(files.read_arrays, scratch, EXPECTED)
            else:
                assert_same(found, ARRAYS)
        scratch.write_bytes(good[:at])
        refusal(files.read_arrays, scratch, EXPECTED)


FORGED = {
    "nothing": b"",
    "header that is a list": struct.pack("<Q", 2) + b"[]",
    "array that is a number": struct.pack("<Q", 7) + b'{"a":7}',
    "shape of floats": forge("F64", [2.0, 3.0], 48, bytes(48)),
    "longer than its arrays": forge("F64", [2, 3], 48, bytes(49)),
    "garbage": b"garbage, and more of it than a header is long",
    "long header": struct.pack("<Q", 2**40) + b"{}",
    "terabytes": forge("F64", [2, 10**12], 16 * 10**12),
    "wrong size": forge("F64", [2, 3], 40, bytes(40)),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_headers_are_refused(scratch, name):
    scratch.write_bytes(FORGED[name])
    for expected in (EXPECTED, {"a": (2, 3)}):
        refusal(files.read_arrays, scratch, expected)


def test_a_folder_is_no_file(tmp_path):
    for read in (files.read_json, files.read_notes):
        assert "Is a directory" in refusal(read, tmp_path)


def test_what_has_been_read_can_be_replaced_while_it_is_in_use(scratch):
    """On Windows a file that is open or mapped cannot be."""
    files.write_arrays(scratch, ARRAYS, {})
    found, _ = files.read_arrays(scratch, EXPECTED)
    files.write_arrays(scratch, {"c": np.ones(3)}, {})
    assert_same(found, ARRAYS)
