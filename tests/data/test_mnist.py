"""MNIST: the bundled files load and are what was published; another directory is taken at its word only where it is sound."""

import gzip
import re
import shutil
import struct
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from minisgl.data import mnist
from minisgl.errors import MinisglError


def encode(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def write_set(directory, train=5, test=3, side=(28, 28), zipped=False):
    """Four IDX files of random pixels, labels 0, 1, 2, ...; returns the training pixels."""
    rng = np.random.default_rng(0)
    pixels = {}
    for prefix, count in (("train", train), ("t10k", test)):
        pixels[prefix] = rng.integers(0, 256, (count, *side), np.uint8)
        for name, array in (("images-idx3", pixels[prefix]), ("labels-idx1", np.arange(count) % 10)):
            content = encode(array)
            path = directory / f"{prefix}-{name}-ubyte{'.gz' if zipped else ''}"
            path.write_bytes(gzip.compress(content) if zipped else content)
    return pixels["train"]


def refusal(call, *arguments):
    with pytest.raises(MinisglError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ---- the bundled set


def test_bundled_shapes_and_types(digits):
    for part, count in zip(digits, (60_000, 10_000), strict=True):
        assert len(part) == count
        assert part.images.shape == (count, 1, 28, 28)
        assert part.images.dtype == np.float32
        assert part.images.flags.c_contiguous
        assert part.labels.shape == (count,)
        assert np.issubdtype(part.labels.dtype, np.integer)


def test_bundled_pixels_are_ink_between_0_and_1(digits):
    for part in digits:
        assert part.images.min() == 0
        assert part.images.max() == 1
        assert part.images[:, :, 0, 0].mean() < 0.01  # the corner is paper, and paper is 0
        levels = part.images[:50] * 255
        assert np.allclose(levels, np.round(levels), atol=1e-4)


def test_bundled_labels_are_the_published_ones(digits):
    train, test = digits
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    counts = np.bincount(train.labels, minlength=10)
    assert counts.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert counts.sum() == 60_000
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_slices_and_indices_keep_images_with_their_labels(digits):
    test = digits[1]
    some = np.array([7, 3, 9_999])
    for part, labels in ((test[2:5], [1, 0, 4]), (test[some], test.labels[some].tolist())):
        assert len(part) == 3
        assert part.labels.tolist() == labels
    assert np.array_equal(test[some].images[2], test.images[9_999])


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the bundled files that mnist takes for its own."""
    shutil.copytree(mnist.bundled(), tmp_path / "mnist")
    monkeypatch.setattr(mnist, "BUNDLED", (tmp_path / "not here", tmp_path / "mnist"))
    return tmp_path / "mnist"


@pytest.mark.parametrize("name", mnist.SHA256)
def test_a_flipped_byte_in_any_bundled_file_is_refused(copied, name):
    content = bytearray((copied / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copied / name).write_bytes(content)
    for load in (mnist.load, mnist.load_test):
        sentence = refusal(load)
        assert name in sentence
        assert mnist.SHA256[name] in sentence


def test_a_missing_bundled_file_is_refused(copied):
    (copied / "t10k-labels-idx1-ubyte.gz").unlink()
    assert "t10k-labels-idx1-ubyte.gz" in refusal(mnist.load)


def test_no_bundled_directory_at_all_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "BUNDLED", (tmp_path / "a", tmp_path / "b"))
    assert "missing" in refusal(mnist.load)


# ---- the user's own directory


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("as_text", [False, True])
def test_own_directory_loads(tmp_path, zipped, as_text):
    pixels = write_set(tmp_path, zipped=zipped)
    train, test = mnist.load(str(tmp_path) if as_text else tmp_path)
    assert (len(train), len(test)) == (5, 3)
    assert train.images.dtype == np.float32
    assert np.array_equal(train.images[:, 0], pixels.astype(np.float32) / np.float32(255))
    assert train.labels.tolist() == [0, 1, 2, 3, 4]
    assert len(mnist.load_test(tmp_path)) == 3


def test_own_directory_is_not_held_to_the_published_checksums(tmp_path):
    write_set(tmp_path, train=1, test=1, zipped=True)
    assert len(mnist.load(tmp_path)[0]) == 1


@pytest.mark.parametrize("label", [10, 255])
def test_labels_out_of_range(tmp_path, label):
    write_set(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(encode(np.array([0, 9, label, 1, 2])))
    sentence = refusal(mnist.load, tmp_path)
    assert f"label {label} at position 2" in sentence
    assert "train-labels" in sentence


@pytest.mark.parametrize("count", [0, 4, 6])
def test_images_and_labels_of_different_number(tmp_path, count):
    write_set(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(encode(np.zeros(count)))
    sentence = refusal(mnist.load, tmp_path)
    assert "5 images" in sentence
    assert f"{count} labels" in sentence


@pytest.mark.parametrize("side", [(27, 28), (28, 27), (32, 32), (0, 28)])
def test_images_of_another_size(tmp_path, side):
    write_set(tmp_path, side=side)
    assert f"{side[0]} x {side[1]}" in refusal(mnist.load, tmp_path)


@pytest.mark.parametrize("counts", [(0, 3), (3, 0)])
def test_no_images(tmp_path, counts):
    write_set(tmp_path, *counts)
    assert "no images" in refusal(mnist.load, tmp_path)


@pytest.mark.parametrize("prefix", ["train", "t10k"])
@pytest.mark.parametrize("name", ["images-idx3-ubyte", "labels-idx1-ubyte"])
def test_a_missing_file_is_named(tmp_path, prefix, name):
    write_set(tmp_path)
    (tmp_path / f"{prefix}-{name}").unlink()
    assert f"{prefix}-{name}" in refusal(mnist.load, tmp_path)


def test_a_missing_directory(tmp_path):
    assert "nowhere" in refusal(mnist.load, tmp_path / "nowhere")


def test_labels_where_images_should_be(tmp_path):
    write_set(tmp_path)
    shutil.copy(tmp_path / "train-labels-idx1-ubyte", tmp_path / "train-images-idx3-ubyte")
    assert "dimensions" in refusal(mnist.load, tmp_path)


# ---- files whose contents are large


CHILD = """
import resource, sys
from pathlib import Path
from minisgl.data import mnist
from minisgl.errors import MinisglError
resource.setrlimit(resource.RLIMIT_AS, (3 << 29, 3 << 29))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    mnist.load_test(Path(sys.argv[1]))
except MinisglError as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def zeros_gz(path, header, size):
    """A gzip file of a header and so many zeros: a part of 4 MB is compressed once and repeated, as gzip allows."""
    whole, rest = divmod(size, 1 << 22)
    content = gzip.compress(header) + gzip.compress(bytes(1 << 22)) * whole + gzip.compress(bytes(rest))
    path.write_bytes(content)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory and reports it in kilobytes")
@pytest.mark.parametrize(
    ("labels", "last", "sentence"),
    [
        (10, 0, "t10k-images-idx3-ubyte.gz has 5000000 images and {} has 10 labels"),
        (5_000_000, 77, "{} has the label 77 at position 4999999; labels are 0 to 9"),
        (5_000_000, 0, "there is not enough memory for .*images-idx3-ubyte.gz, 3,920,000,000 bytes"),
    ],
)
def test_five_million_images_are_not_inflated_before_their_labels_are_checked(labels, last, sentence, tmp_path):
    images = tmp_path / "t10k-images-idx3-ubyte.gz"
    zeros_gz(images, struct.pack(">BBBB3I", 0, 0, 8, 3, 5_000_000, 28, 28), 5_000_000 * 28 * 28)
    assert images.stat().st_size < 20e6
    path = tmp_path / "t10k-labels-idx1-ubyte"
    path.write_bytes(struct.pack(">BBBBI", 0, 0, 8, 1, labels) + bytes(labels - 1) + bytes([last]))
    words = [sys.executable, "-c", CHILD, tmp_path]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    printed, kilobytes = done.stdout.splitlines()
    assert re.search(sentence.format(f".*{path.name}"), printed)
    if "memory" not in sentence:
        assert int(kilobytes) < 100_000


def test_a_gzip_file_is_read_up_to_its_headers_length_and_one_byte(tmp_path):
    path = tmp_path / "bomb.gz"
    zeros_gz(path, struct.pack(">BBBBI", 0, 0, 8, 1, 10), 1 << 30)
    tracemalloc.start()
    with pytest.raises(MinisglError, match="gives 10 bytes, shape \\(10,\\), but there are more"):
        mnist.idx.read(path, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10e6
