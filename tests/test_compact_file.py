"""compact.safetensors: what is written is read, alone; what is damaged is refused in a sentence."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from safetensors import safe_open
from test_compact import chain, curve_like, lenet_like, sparse_networks, unusual

import minisgl
from minisgl.analysis.compact import compact
from minisgl.errors import MinisglError
from minisgl.formats import files, network_file
from minisgl.nn import Conv2d, WinogradConv2d
from minisgl.training.directory import RunDirectory


def written(path, network):
    files.write(path, network_file.as_bytes(network))
    return path


@settings(max_examples=30, deadline=None)
@given(network=sparse_networks(dtypes=(np.float32,)))
def test_a_network_comes_back(network, tmp_path_factory):
    smaller = compact(network)
    back = network_file.read(written(tmp_path_factory.mktemp("file") / "compact.safetensors", smaller))
    assert back.input_shape == smaller.input_shape
    assert [(name, type(layer)) for name, layer in back.layers.items()] == [
        (name, type(layer)) for name, layer in smaller.layers.items()
    ]
    assert back.flat.tobytes() == smaller.flat.tobytes()
    images = np.random.default_rng(0).standard_normal((3, *network.input_shape)).astype(np.float32)
    np.testing.assert_array_equal(back.forward(images)[0], smaller.forward(images)[0])


@pytest.mark.parametrize("conv", [Conv2d, WinogradConv2d])
def test_load_compact(conv, tmp_path):
    network = lenet_like(conv, padding=1, dtype=np.float32)
    written(RunDirectory(tmp_path).compact, network)
    back = minisgl.load_compact(str(tmp_path))
    assert back.flat.tobytes() == network.flat.tobytes()
    assert type(back.layers["conv2"]) is conv
    assert back.layers["conv2"].padding == 1


def test_the_file_is_what_pytorch_would_read(tmp_path):
    network = lenet_like(dtype=np.float32)
    network.layers["fc1"].weight[:, [0, 5]] = 0
    smaller = compact(network)
    with safe_open(str(written(tmp_path / "file", smaller)), framework="numpy") as file:
        assert set(file.keys()) == {slot.name for slot in smaller.layout.slots} | {"gather.index"}
        assert file.get_tensor("gather.index").dtype == np.int32
        np.testing.assert_array_equal(file.get_tensor("fc1.weight"), smaller.layers["fc1"].weight)
        assert list(file.metadata()) == ["minisgl"]
        notes = json.loads(file.metadata()["minisgl"])
    assert notes["input_shape"] == [1, 14, 14]
    assert notes["layers"][0] == {
        "name": "conv1", "kind": "Conv2d", "weight": [3, 1, 3, 3], "stride": 1, "padding": 0, "winograd": False
    }  # fmt: skip
    assert [told["kind"] for told in notes["layers"][6:9]] == ["Flatten", "Gather", "Linear"]


def test_equal_networks_give_equal_bytes():
    assert network_file.as_bytes(compact(unusual())) == network_file.as_bytes(compact(unusual()))


def test_other_layers_are_refused():
    network = chain({}, (1, 2, 2), (2,))
    network.layers["flatten"] = object()
    with pytest.raises(TypeError, match="a object cannot be written"):
        network_file.as_bytes(network)


# ---- damaged


def rewritten(path, change):
    """A valid file whose notes were changed by a function of the dictionary."""
    network = curve_like(dtype=np.float32)
    network.layers["fc"].weight[:, [0, 5]] = 0
    written(path, compact(network))
    notes = files.read_notes(path)
    with safe_open(str(path), framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    del notes["checksum"]
    change(notes)
    files.write_arrays(path, arrays, notes)
    return path


@pytest.mark.parametrize(
    "change",
    [
        lambda notes: notes.clear(),
        lambda notes: notes.update(layers=None),
        lambda notes: notes.update(layers=[3]),
        lambda notes: notes.update(input_shape=[]),
        lambda notes: notes.update(input_shape=[2, 12, -16]),
        lambda notes: notes.update(input_shape=[2, 5, 5]),
        lambda notes: notes["layers"][0].update(kind="Dropout"),
        lambda notes: notes["layers"][0].update(stride=0),
        lambda notes: notes["layers"][0].update(stride=1.0),
        lambda notes: notes["layers"][0].update(padding="1"),
        lambda notes: notes["layers"][0].update(weight=[3, 2, 3]),
        lambda notes: notes["layers"][0].update(weight=[3, 2, 3, 0]),
        lambda notes: notes["layers"][0].update(weight=[10**12, 2, 3, 3]),
        lambda notes: notes["layers"][0].pop("winograd"),
        lambda notes: notes["layers"][2].update(kernel=0),
        lambda notes: notes["layers"][2].update(kernel=None),
        lambda notes: notes["layers"].pop(),
        lambda notes: notes["layers"].reverse(),
        lambda notes: notes["layers"][-2].update(index=[1]),
    ],
)
def test_notes_that_make_no_network(change, tmp_path):
    with pytest.raises(MinisglError, match="file"):
        network_file.read(rewritten(tmp_path / "file", change))


def test_an_unchanged_file_is_read(tmp_path):
    assert network_file.read(rewritten(tmp_path / "file", lambda notes: None)).layers


@pytest.mark.parametrize("index", [[0, 0], [0, 10**6], [-1, 2]])
def test_an_index_that_does_not_fit(index, tmp_path):
    path = written(tmp_path / "file", compact(lenet_like(dtype=np.float32)))
    arrays = files.read_arrays(path, {slot.name: slot.shape for slot in lenet_like().layout.slots})[0]
    notes = files.read_notes(path)
    del notes["checksum"]
    notes["layers"].insert(7, {"name": "gather", "kind": "Gather", "index": [2]})
    notes["layers"][8]["weight"] = [6, 2]
    arrays["fc1.weight"] = arrays["fc1.weight"][:, :2]
    files.write_arrays(path, arrays | {"gather.index": np.array(index, np.int32)}, notes)
    with pytest.raises(MinisglError, match="holds no network"):
        network_file.read(path)


def test_no_file_a_cut_file_and_a_changed_number(tmp_path):
    with pytest.raises(MinisglError, match="cannot be read: No such file"):
        minisgl.load_compact(tmp_path)
    content = network_file.as_bytes(compact(lenet_like(dtype=np.float32)))
    (tmp_path / "cut").write_bytes(content[:-9])
    with pytest.raises(MinisglError, match="is not a safetensors file"):
        network_file.read(tmp_path / "cut")
    (tmp_path / "changed").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(MinisglError, match="do not have the checksum"):
        network_file.read(tmp_path / "changed")
