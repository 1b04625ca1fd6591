"""CIFAR-10 and CIFAR-100: records become images, from a folder or an archive, and any other file is refused.

Where MINISGL_CIFAR10 names the real files, they are read too.
"""

import gzip
import io
import os
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from support.cifar import write_cifar10, write_cifar100, write_records

from minisgl.data import cifar10, cifar100
from minisgl.errors import MinisglError
from minisgl.formats import tar

RECORD = {"cifar10": 3073, "cifar100": 3074}


@pytest.fixture(params=["cifar10", "cifar100"])
def case(request, tmp_path):
    """The module, and a folder with a set of 20 and 6 images."""
    module, write = {"cifar10": (cifar10, write_cifar10), "cifar100": (cifar100, write_cifar100)}[request.param]
    return module, write(tmp_path / "made", 20, 6)


def pack(folder: Path, path: Path) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, folder.name)
    return path


def refusal(call, *arguments):
    with pytest.raises(MinisglError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def record_by_record(content: bytes, label_bytes: int) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels as the publisher's page describes them, one pixel at a time."""
    size = label_bytes + 3 * 32 * 32
    images, labels = np.zeros((len(content) // size, 3, 32, 32), np.uint8), []
    for n in range(len(images)):
        record = content[n * size : (n + 1) * size]
        labels.append(record[label_bytes - 1])
        for c, y, x in np.ndindex(3, 32, 32):
            images[n, c, y, x] = record[label_bytes + c * 1024 + y * 32 + x]
    return images, np.array(labels)


def assert_equal(part, expected) -> None:
    assert part.images.shape[1:] == (3, 32, 32)
    assert (part.images.dtype, part.labels.dtype) == (np.uint8, np.int64)
    assert part.images.flags.c_contiguous
    np.testing.assert_array_equal(part.images, expected[0])
    np.testing.assert_array_equal(part.labels, expected[1])


def test_records_become_images(case):
    module, folder = case
    train, test = module.load(folder)
    label_bytes = len(module.LAYOUT.label_values)
    content = b"".join((folder / name).read_bytes() for name in module.LAYOUT.train)
    assert_equal(train, record_by_record(content, label_bytes))
    assert_equal(test, record_by_record((folder / module.LAYOUT.test).read_bytes(), label_bytes))
    assert (len(train), len(test)) == (20, 6)
    assert_equal(module.load_test(folder), (test.images, test.labels))


@pytest.mark.parametrize("kind", ["folder around", "text", "archive", "archive of another name"])
def test_where_the_files_may_be(case, kind, tmp_path):
    module, folder = case
    path = {
        "folder around": lambda: folder.parent,
        "text": lambda: str(folder),
        "archive": lambda: pack(folder, tmp_path / "set.tar.gz"),
        "archive of another name": lambda: str(pack(folder, tmp_path / "data")),
    }[kind]()
    for found, expected in zip(module.load(path), module.load(folder), strict=True):
        assert_equal(found, (expected.images, expected.labels))
    assert len(module.load_test(path)) == 6


def test_any_number_of_images_and_only_what_is_asked_for(case):
    module, folder = case
    write_records(folder / module.LAYOUT.test, [np.zeros(1)] * len(module.LAYOUT.label_values), np.zeros((1, 3, 32, 32), "u1"))
    (folder / module.LAYOUT.train[0]).unlink()
    assert len(module.load_test(folder)) == 1


# ---- files that are refused


def test_a_missing_file_is_named_with_those_that_there_must_be(case):
    module, folder = case
    for name in (*module.LAYOUT.train, module.LAYOUT.test):
        shutil.move(folder / name, folder / "away")
        assert f"{folder} has no {name}; {module.LAYOUT.archive.name} consists of " in refusal(module.load, folder)
        assert f"set.tar.gz has no {name}; " in refusal(module.load, pack(folder, folder.parent / "set.tar.gz"))
        shutil.move(folder / "away", folder / name)


def test_a_missing_folder(case, tmp_path):
    assert refusal(case[0].load, tmp_path / "nowhere") == f"{tmp_path / 'nowhere'} does not exist"


@pytest.mark.parametrize("change", [-1, 1, -3000])
def test_a_part_of_a_record(case, change):
    module, folder = case
    path, record = folder / module.LAYOUT.train[-1], RECORD[module.__name__.rpartition(".")[2]]
    content = path.read_bytes()
    path.write_bytes(content[:change] if change < 0 else content + b"x")
    expected = f"{path} has {len(content) + change:,} bytes, but must consist of whole records of {record:,} bytes"
    assert refusal(module.load, folder) == expected


def test_an_empty_file(case):
    module, folder = case
    (folder / module.LAYOUT.test).write_bytes(b"")
    assert "has 0 bytes, but must consist of whole records" in refusal(module.load_test, folder)


@pytest.mark.parametrize("label", [100, 255])
def test_a_label_out_of_range(case, label):
    module, folder = case
    for i, values in enumerate(module.LAYOUT.label_values):
        path, record = folder / module.LAYOUT.test, RECORD[module.__name__.rpartition(".")[2]]
        content = path.read_bytes()
        path.write_bytes(content[: 4 * record + i] + bytes([label]) + content[4 * record + i + 1 :])
        assert refusal(module.load, folder) == f"{path} has the label {label} in record 4; labels are 0 to {values - 1}"
        path.write_bytes(content)


def test_the_first_label_that_is_too_large(case):
    module, folder = case
    values = module.LAYOUT.label_values
    for label, good in ((values[-1] - 1, True), (values[-1], False)):
        labels = [np.zeros(2)] * (len(values) - 1) + [np.array([0, label])]
        write_records(folder / module.LAYOUT.test, labels, np.zeros((2, 3, 32, 32), np.uint8))
        if good:
            assert module.load_test(folder).labels.tolist() == [0, label]
        else:
            assert f"the label {label} in record 1" in refusal(module.load_test, folder)


def test_a_folder_in_a_files_place(case):
    module, folder = case
    (folder / module.LAYOUT.test).unlink()
    (folder / module.LAYOUT.test).mkdir()
    assert f"{module.LAYOUT.test} cannot be read: " in refusal(module.load_test, folder)


def test_a_file_larger_than_any_set(case):
    module, folder = case
    with (folder / module.LAYOUT.test).open("ab") as file:
        file.truncate(1 << 33)  # takes no place on most disks
    assert "has 8,589,934,592 bytes; at most 4,294,967,296 are allowed" in refusal(module.load_test, folder)


# ---- archives that are refused


def test_an_archive_that_is_cut_off_anywhere(case, tmp_path):
    module, folder = case
    content = pack(folder, tmp_path / "set.tar.gz").read_bytes()
    for size in np.linspace(0, len(content) - 1, 40).astype(int):
        (tmp_path / "cut.tar.gz").write_bytes(content[:size])
        assert "cut.tar.gz" in refusal(module.load, tmp_path / "cut.tar.gz")


def test_an_archive_with_a_changed_byte_anywhere(case, tmp_path):
    module, folder = case
    content = pack(folder, tmp_path / "set.tar.gz").read_bytes()
    for at in np.linspace(10, len(content) - 1, 40).astype(int):  # of the first ten bytes gzip checks only some
        damaged = bytearray(content)
        damaged[at] ^= 1
        (tmp_path / "damaged.tar.gz").write_bytes(damaged)
        try:
            module.load(tmp_path / "damaged.tar.gz")
        except MinisglError as error:
            assert "damaged.tar.gz" in str(error)  # noqa: PT017
        else:
            assert gzip.decompress(damaged) == gzip.decompress(content)  # such as the file's name in the header


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", gzip.compress(b"no archive, either"), gzip.compress(b"")],
    ids=["nothing", "text", "text, gzipped", "nothing, gzipped"],
)
def test_something_else_than_an_archive(content, tmp_path):
    (tmp_path / "set.tar.gz").write_bytes(content)
    assert "set.tar.gz" in refusal(cifar10.load, tmp_path / "set.tar.gz")


def archive_of(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


TEST_FILE = "cifar-10-batches-bin/test_batch.bin"


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE])
def test_a_link_in_a_files_place_is_not_followed(kind, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(3073))
    member = tarfile.TarInfo(TEST_FILE)
    member.type, member.linkname = kind, str(tmp_path / "secret")
    path = archive_of(tmp_path / "set.tar.gz", (member, b""))
    assert refusal(cifar10.load_test, path).startswith(str(path))


def test_a_file_that_is_there_twice(tmp_path):
    path = archive_of(tmp_path / "set.tar.gz", *[(tarfile.TarInfo(TEST_FILE), bytes(3073))] * 2)
    assert refusal(cifar10.load_test, path) == f"{path} has {TEST_FILE} twice"


@pytest.mark.parametrize("name", ["/" + TEST_FILE, "../" + TEST_FILE, "test_batch.bin", "x/" + TEST_FILE, TEST_FILE.upper()])
def test_a_file_of_another_name_does_not_count_and_nothing_is_written(name, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    path = archive_of(tmp_path / "set.tar.gz", (tarfile.TarInfo(name), bytes(3073)))
    assert "set.tar.gz has no test_batch.bin" in refusal(cifar10.load_test, path)
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["here", "set.tar.gz"]


def test_an_archive_that_unpacks_to_too_much(tmp_path, monkeypatch):
    monkeypatch.setattr(tar, "MAX_SIZE", 10_000)
    members = [(tarfile.TarInfo(f"other{i}"), bytes(4_000)) for i in range(3)]
    path = archive_of(tmp_path / "set.tar.gz", *members)
    assert refusal(cifar10.load, path) == f"{path} unpacks to at least 12,000 bytes; at most 10,000 are allowed"


def test_more_after_the_end_of_an_archive(case, tmp_path):
    module, folder = case
    unpacked = gzip.decompress(pack(folder, tmp_path / "set.tar.gz").read_bytes())
    for more, good in ((100_000, True), (3_000_000, False)):
        (tmp_path / "set.tar.gz").write_bytes(gzip.compress(unpacked + bytes(more)))
        if good:
            module.load(tmp_path / "set.tar.gz")
        else:
            assert "follow the end of the archive" in refusal(module.load, tmp_path / "set.tar.gz")


# ---- the classes' names


def test_names_of_classes():
    for classes, count in ((cifar10.CLASSES, 10), (cifar100.CLASSES, 100)):
        assert len(set(classes)) == count
        assert list(classes) == sorted(classes)


# ---- the real files


@pytest.mark.skipif("MINISGL_CIFAR10" not in os.environ, reason="MINISGL_CIFAR10 does not name the real files")
def test_the_published_cifar_10():
    train, test = cifar10.load(os.environ["MINISGL_CIFAR10"])
    assert (train.images.shape, test.images.shape) == ((50_000, 3, 32, 32), (10_000, 3, 32, 32))
    assert np.bincount(train.labels).tolist() == [5_000] * 10
    assert np.bincount(test.labels).tolist() == [1_000] * 10
    assert train.labels[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]
    assert test.labels[:10].tolist() == [3, 8, 8, 0, 6, 6, 1, 6, 3, 1]
    for c, (mean, deviation) in enumerate(zip(cifar10.MEAN, cifar10.DEVIATION, strict=True)):
        counts, values = np.bincount(train.images[:, c].ravel(), minlength=256), np.arange(256) / 255
        found = np.average(values, weights=counts)
        assert found == pytest.approx(mean, abs=5e-7)
        assert np.sqrt(np.average((values - found) ** 2, weights=counts)) == pytest.approx(deviation, abs=5e-7)
