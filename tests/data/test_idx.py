"""IDX files: what is written comes back, and a file that does not match its header is refused in one sentence.

Refusals are tested in three ways: chosen damage of every kind, random damage by Hypothesis, and forged headers and gzip bombs
with an eye on the memory that Python asked for (tracemalloc counts requests, so untouched pages count too).
"""

import gzip
import struct
import tracemalloc
from math import prod

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minisgl.data import idx
from minisgl.errors import MinisglError

MEGABYTE = 1 << 20
IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


def header(*shape, kind=0x08, zeros=b"\0\0"):
    return zeros + bytes([kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


def encode(array):
    return header(*array.shape) + array.tobytes()


def refusal(path, dimensions=3):
    """The sentence with which the file is refused: one line that names the file."""
    with pytest.raises(MinisglError) as caught:
        idx.read(path, dimensions)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


def peak_of_refusal(path, dimensions=3):
    """The most memory, in bytes, that was allocated while the file was refused."""
    tracemalloc.start()
    try:
        refusal(path, dimensions)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """One file name for all of Hypothesis's examples."""
    return tmp_path_factory.mktemp("idx") / "file"


# ---- what is written comes back


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("name", ["images", "images.gz"])  # the bytes decide, not the name
@given(array=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=6)))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_round_trip(scratch, name, zipped, array):
    path = scratch.with_name(name)
    path.write_bytes(gzip.compress(encode(array), 1) if zipped else encode(array))
    read = idx.read(path, array.ndim)
    assert read.dtype == np.uint8
    assert read.shape == array.shape
    assert np.array_equal(read, array)


def test_sizes_are_big_endian_and_the_last_dimension_runs_fastest(scratch):
    scratch.write_bytes(bytes.fromhex("00 00 08 02  00 00 00 02  00 00 00 03  01 02 03 04 05 06"))
    assert idx.read(scratch, 2).tolist() == [[1, 2, 3], [4, 5, 6]]


def test_gzip_of_several_members_is_one_file(scratch):
    whole = encode(IMAGES)
    scratch.write_bytes(gzip.compress(whole[:9]) + gzip.compress(whole[9:]))
    assert np.array_equal(idx.read(scratch, 3), IMAGES)


# ---- chosen damage


def test_missing_file_and_directory(tmp_path):
    assert "No such file" in refusal(tmp_path / "nothing")
    assert "directory" in refusal(tmp_path).lower()


GOOD = encode(IMAGES)
DAMAGED = {
    "empty": b"",
    "two bytes": GOOD[:2],
    "magic cut": GOOD[:3],
    "header cut": GOOD[:11],
    "header only": GOOD[:16],
    "one byte short": GOOD[:-1],
    "one byte more": GOOD + b"\0",
    "first byte not zero": b"\1" + GOOD[1:],
    "second byte not zero": b"\0\1" + GOOD[2:],
    "signed bytes": header(2, 3, 4, kind=0x09) + IMAGES.tobytes(),
    "floats": header(2, 3, 4, kind=0x0D) + IMAGES.astype(">f4").tobytes(),
    "little-endian sizes": b"\0\0\x08\x03" + struct.pack("<3I", 2, 3, 4) + IMAGES.tobytes(),
    "another format": b"PK\3\4" + GOOD,
}


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_content_is_refused(scratch, damage, zipped):
    content = DAMAGED[damage]
    scratch.write_bytes(gzip.compress(content) if zipped else content)
    refusal(scratch)


@pytest.mark.parametrize("wanted", [1, 2, 4])
def test_wrong_number_of_dimensions_is_named(scratch, wanted):
    scratch.write_bytes(GOOD)
    assert f"must have {wanted} dimensions, but has 3" in refusal(scratch, wanted)


def test_the_sentence_has_the_numbers(scratch):
    scratch.write_bytes(GOOD[:-5])
    assert "24" in (sentence := refusal(scratch))
    assert "19" in sentence
    scratch.write_bytes(GOOD[:11])
    assert "11 of 16" in refusal(scratch)


def test_every_truncation_of_a_gzip_file_is_refused(scratch):
    zipped = gzip.compress(GOOD)
    for length in range(len(zipped)):
        scratch.write_bytes(zipped[:length])
        refusal(scratch)


def test_gzip_with_garbage_after_it_is_refused(scratch):
    scratch.write_bytes(gzip.compress(GOOD) + b"garbage")
    refusal(scratch)


def test_every_flipped_byte_of_gzipped_content_is_noticed(scratch):
    """From byte 10 on, after gzip's own header (time, system, ...), of which some may change: data, CRC and length."""
    zipped = gzip.compress(GOOD, mtime=0)
    for at in range(10, len(zipped)):
        damaged = bytearray(zipped)
        damaged[at] ^= 1 << at % 8
        scratch.write_bytes(damaged)
        try:
            read = idx.read(scratch, 3)
        except MinisglError:
            refusal(scratch)
        else:
            assert np.array_equal(read, IMAGES)  # a bit that Deflate does not use


# ---- random damage: a valid result or MinisglError, nothing else


@pytest.mark.parametrize("zipped", [False, True])
@given(
    edits=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 60),
    tail=st.binary(max_size=3),
)
@example(edits=[(4, 0), (7, 0)], cut=0, tail=b"")
@settings(max_examples=150, deadline=None, derandomize=True)
def test_random_damage_gives_an_array_or_a_sentence(scratch, zipped, edits, cut, tail):
    content = bytearray(gzip.compress(GOOD, mtime=0) if zipped else GOOD)
    for at, value in edits:
        content[at % len(content)] = value
    content = content[: len(content) - cut % len(content)] if cut % 2 else content
    scratch.write_bytes(bytes(content) + tail)
    try:
        read = idx.read(scratch, 3)
    except MinisglError:
        refusal(scratch)
    else:
        assert read.dtype == np.uint8
        assert read.ndim == 3


# ---- forged sizes and bombs


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("shape", [(2**31, 28, 28), (2**32 - 1,) * 3, (2**22, 2**21, 2**21)])
def test_terabytes_are_refused_by_the_header_alone(scratch, shape, zipped):
    content = header(*shape) + b"abc"
    scratch.write_bytes(gzip.compress(content) if zipped else content)
    assert str(prod(shape)) in refusal(scratch)
    assert peak_of_refusal(scratch) < MEGABYTE


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("shape", [(2**32 - 1, 1, 1), (5_478_274, 28, 28), (2**20, 28, 28)])
def test_a_tiny_file_that_promises_gigabytes_gets_none(scratch, shape, zipped):
    """Below the limit of 4 GiB the header alone refuses nothing, but memory is for bytes that are there."""
    content = header(*shape) + b"abc"
    scratch.write_bytes(gzip.compress(content) if zipped else content)
    assert peak_of_refusal(scratch) < 64 * MEGABYTE


@pytest.mark.parametrize("shape", [(0, 2**32 - 1, 2**32 - 1), (2**32 - 1, 2**32 - 1, 0), (2**32 - 1, 0, 2**32 - 1)])
def test_no_bytes_in_an_absurd_shape(scratch, shape):
    """The product is 0, so nothing is missing; still NumPy cannot hold such a shape, and the user must get a sentence."""
    scratch.write_bytes(header(*shape))
    refusal(scratch)


def test_a_gzip_bomb_is_not_inflated(scratch):
    scratch.write_bytes(gzip.compress(header(2, 3, 4) + bytes(64 * MEGABYTE), 1))
    assert "but there are more" in refusal(scratch)
    assert peak_of_refusal(scratch) < MEGABYTE
