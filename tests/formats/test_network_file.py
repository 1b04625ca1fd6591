"""A network's file describes itself: what is written is read, alone; what is damaged, foreign or old is refused."""

import json
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from safetensors import safe_open
from support.chains import curve_like, lenet_like, sparse_networks, unusual
from support.trees import Scale, Sum, tree

import minisgl
from minisgl.analysis.compact import compact
from minisgl.errors import MinisglError
from minisgl.formats import files, network_file
from minisgl.models import lenet5
from minisgl.nn import Conv2d, Flatten, Linear, MaxPool2d, Network, Normalize, Sequential


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


@pytest.mark.parametrize("algorithm", ["auto", "im2col", "winograd"])
def test_load_takes_the_file_itself(algorithm, tmp_path):
    network = lenet_like(partial(Conv2d, algorithm=algorithm), padding=1, dtype=np.float32)
    back, report = minisgl.load(written(tmp_path / "any.safetensors", network))
    assert report is None
    assert back.flat.tobytes() == network.flat.tobytes()
    assert back.layers["conv2"].algorithm == algorithm
    assert back.layers["conv2"].padding == 1


def test_the_file_is_what_pytorch_would_read(tmp_path):
    network = lenet_like(dtype=np.float32)
    network.layers["fc1"].weight[:, [0, 5]] = 0
    smaller = compact(network)
    with safe_open(str(written(tmp_path / "file", smaller)), framework="numpy") as file:
        assert set(file.keys()) == {slot.name for slot in smaller.layout.slots}
        np.testing.assert_array_equal(file.get_tensor("fc1.weight"), smaller.layers["fc1"].weight)
        assert list(file.metadata()) == ["minisgl"]
        text = file.metadata()["minisgl"]
    notes = json.loads(text)
    assert text == json.dumps(notes, sort_keys=True)
    assert notes["input_shape"] == [1, 14, 14]
    assert notes["layers"][0] == {
        "name": "conv1",
        "kind": "Conv2d",
        "settings": {
            "in_channels": 1, "out_channels": 3, "kernel": [3, 3], "stride": 1, "padding": 0, "algorithm": "auto"
        },
    }  # fmt: skip
    assert [entry["kind"] for entry in notes["layers"][6:9]] == ["Flatten", "Gather", "Linear"]
    assert notes["layers"][7]["settings"] == {"index": smaller.layers["gather"].index.tolist()}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_keep_their_type(dtype, tmp_path):
    network = lenet5(np.random.default_rng(0), dtype, units=(2, 3, 4, 5))
    back = network_file.read(written(tmp_path / "file", network))
    assert back.flat.dtype == dtype
    assert back.flat.tobytes() == network.flat.tobytes()


def test_the_constants_of_a_normalisation_come_back_to_the_bit(tmp_path):
    rng = np.random.default_rng(0)
    layers = {"normalize": Normalize(rng.standard_normal(3), rng.uniform(size=3)), "flatten": Flatten(), "fc": Linear(12, 2)}
    back = network_file.read(written(tmp_path / "file", Network.initialized(layers, (3, 2, 2), rng)))
    for key in ("mean", "deviation"):
        assert getattr(back.layers["normalize"], key).tobytes() == getattr(layers["normalize"], key).tobytes()


def test_a_tree_comes_back(tmp_path):
    network = tree()
    back = network_file.read(written(tmp_path / "file", network), layers=[Sum, Scale])
    assert [name for name, _ in back.walk()] == [name for name, _ in network.walk()]
    assert back.flat.tobytes() == network.flat.tobytes()
    images = np.random.default_rng(0).standard_normal((3, *network.input_shape))
    np.testing.assert_array_equal(back.forward(images)[0], network.forward(images)[0])


def test_a_users_own_layer_is_given_to_read_and_never_imported(tmp_path):
    path = written(tmp_path / "file", tree())
    assert set(network_file.custom_layers(tree())) == {Sum, Scale}
    for layers, missing in (((Sum,), "Scale"), ((Scale,), "Sum")):
        with pytest.raises(MinisglError, match=f"a layer is a {missing}, which minisgl does not have: load it with layers="):
            network_file.read(path, layers)
    assert minisgl.load(path, layers=[Sum, Scale])[1] is None


def test_equal_networks_give_equal_bytes():
    assert network_file.as_bytes(compact(unusual())) == network_file.as_bytes(compact(unusual()))


def test_sizes_of_numpys_and_empty_chains_come_back(tmp_path):
    described = {
        "empty": Sequential({}),
        "pool": MaxPool2d(np.int64(2)),
        "flatten": Flatten(),
        "fc": Linear(np.prod((1, 2, 2)), 3),
    }
    network = Network.initialized(described, (1, 4, 4), np.random.default_rng(0))
    network_file.require_describable(network)
    back = network_file.read(written(tmp_path / "file", network))
    assert list(back.layers) == list(network.layers)
    assert back.flat.tobytes() == network.flat.tobytes()


class Forgetful(Scale):
    def settings(self):
        return {}


class Changed(Scale):
    def settings(self):
        return {"channels": 2}


class Unwritable(Scale):
    def settings(self):
        return {"channels": np.int64(1)}


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (Forgetful, "scale is a Forgetful, and its settings.. do not rebuild it: .*missing 1 required positional argument"),
        (Changed, "scale is a Changed, and its settings.. rebuild it with other parameters"),
        (Unwritable, "scale is a Unwritable, and its settings.. do not rebuild it: .*not JSON serializable"),
    ],
)
def test_a_layer_that_could_not_be_read_again_is_named_before_a_training(cls, words):
    described = {"scale": cls(1), "flatten": Flatten(), "fc": Linear(4, 3)}
    with pytest.raises(MinisglError, match=words):
        network_file.require_describable(Network.initialized(described, (1, 2, 2), np.random.default_rng(0)))
    network_file.require_describable(tree())


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
        lambda notes: notes["layers"][0].update(name="conv1.a"),
        lambda notes: notes["layers"][0].update(layers=[]),
        lambda notes: notes["layers"][0]["settings"].update(stride=0),
        lambda notes: notes["layers"][0]["settings"].update(stride=1.0),
        lambda notes: notes["layers"][0]["settings"].update(padding="1"),
        lambda notes: notes["layers"][0]["settings"].update(kernel=[3]),
        lambda notes: notes["layers"][0]["settings"].update(kernel=[3, 3.0]),
        lambda notes: notes["layers"][0]["settings"].update(out_channels=0),
        lambda notes: notes["layers"][0]["settings"].update(out_channels=10**12),
        lambda notes: notes["layers"][0]["settings"].update(algorithm="fft"),
        lambda notes: notes["layers"][0]["settings"].pop("in_channels"),
        lambda notes: notes["layers"][0]["settings"].update(surprise=1),
        lambda notes: notes["layers"][0].pop("settings"),
        lambda notes: notes["layers"][2]["settings"].update(kernel=0),
        lambda notes: notes["layers"][2]["settings"].update(kernel=None),
        lambda notes: notes["layers"].pop(),
        lambda notes: notes["layers"].reverse(),
        lambda notes: notes["layers"][-2]["settings"].update(index=[1]),
        lambda notes: notes["layers"][-2]["settings"].update(index=[]),
        lambda notes: notes["layers"][-2]["settings"].update(index=[0, 0]),
        lambda notes: notes["layers"][-2]["settings"].update(index=[0, 10**6]),
        lambda notes: notes["layers"][-2]["settings"].update(index=[-1, 2]),
        lambda notes: notes["layers"][-2]["settings"].update(index=[0.5, 2]),
    ],
)
def test_notes_that_make_no_network(change, tmp_path):
    with pytest.raises(MinisglError, match="file"):
        network_file.read(rewritten(tmp_path / "file", change))


def test_an_unchanged_file_is_read(tmp_path):
    assert network_file.read(rewritten(tmp_path / "file", lambda notes: None)).layers


def deep(entry, levels):
    for _ in range(levels):
        entry = {"name": "deeper", "kind": "Sequential", "settings": {}, "layers": [entry]}
    return entry


def test_layers_nested_without_end_are_refused(tmp_path):
    path = rewritten(tmp_path / "file", lambda notes: notes["layers"].insert(0, deep({"name": "relu", "kind": "ReLU"}, 200)))
    with pytest.raises(MinisglError, match="nested more than 50 deep"):
        network_file.read(path)


# ---- of minisgl 0.1


def test_a_bare_model_of_the_first_version_is_refused(tmp_path):
    network = lenet_like(dtype=np.float32)
    files.write_arrays(tmp_path / "model.safetensors", {s.name: s.view(network.flat) for s in network.layout.slots}, {})
    with pytest.raises(MinisglError, match="does not describe its network; if it is from a run of minisgl"):
        minisgl.load(tmp_path / "model.safetensors")


def test_a_compact_network_of_the_first_version_asks_to_be_compressed_again(tmp_path):
    entry = {"name": "conv1", "kind": "Conv2d", "weight": [7, 1, 5, 5], "stride": 1, "padding": 0, "winograd": False}
    notes = {"input_shape": [1, 28, 28], "layers": [entry]}
    arrays = {"conv1.weight": np.zeros((7, 1, 5, 5), np.float32), "conv1.bias": np.zeros(7, np.float32)}
    files.write_arrays(tmp_path / "compact.safetensors", arrays, notes)
    with pytest.raises(
        MinisglError, match=r"is a compact network of minisgl 0\.1: python -m minisgl\.compress RUN writes a new file"
    ):
        minisgl.load(tmp_path / "compact.safetensors")


def test_a_later_format_is_refused(tmp_path):
    with pytest.raises(MinisglError, match="has the format 3, but this version of minisgl reads 2"):
        network_file.read(rewritten(tmp_path / "file", lambda notes: notes.update(format=3)))


# ---- cut and changed


def test_no_file_a_cut_file_and_a_changed_number(tmp_path):
    with pytest.raises(MinisglError, match="cannot be read: No such file"):
        network_file.read(tmp_path / "none")
    content = network_file.as_bytes(compact(lenet_like(dtype=np.float32)))
    (tmp_path / "cut").write_bytes(content[:-9])
    with pytest.raises(MinisglError, match="is not a safetensors file"):
        network_file.read(tmp_path / "cut")
    (tmp_path / "changed").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(MinisglError, match="do not match its checksum"):
        network_file.read(tmp_path / "changed")


def test_the_checksum_is_that_of_the_notes_too(tmp_path):
    """A pooling's stride that still fits would pass every other question."""
    network = Network({"pool": MaxPool2d(2, stride=2), "flatten": Flatten()}, (1, 3, 3), np.zeros(0, np.float32))
    content = network_file.as_bytes(network)
    (tmp_path / "changed").write_bytes(content.replace(b'\\"stride\\": 2', b'\\"stride\\": 3'))
    with pytest.raises(MinisglError, match="its contents do not match its checksum"):
        network_file.read(tmp_path / "changed")
