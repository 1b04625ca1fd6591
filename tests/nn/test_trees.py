"""Networks that are trees: full names, kinds of parameters, gradients through branches, and what refuses a branch by name."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from support.trees import Sum, layers, tree

from minisgl.analysis import footprint, sparsity
from minisgl.analysis.compact import compact
from minisgl.errors import MinisglError
from minisgl.formats import network_file, onnx_file
from minisgl.models import lenet5
from minisgl.nn import Conv2d, Flatten, Layer, Linear, Network, Parameter, ReLU, Sequential, Workspace, softmax_cross_entropy
from minisgl.nn.gradcheck import numeric_gradient, relative_error, require_smooth
from minisgl.nn.initializers import he_normal

CHAIN, KNOWN_TREE = "one chain of layers", "a tree of Sequential and Residual"
NAMES = [
    "stage.conv",
    "stage.scale",
    "relu",
    "branch.body.conv1",
    "branch.body.relu",
    "branch.body.conv2",
    "branch.shortcut",
    "flatten",
    "fc",
]


def batch(N: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return rng.standard_normal((N, 2, 6, 6)), rng.integers(0, 3, N)


def test_walk_names_every_leaf_in_order():
    assert [name for name, _ in tree().walk()] == NAMES
    assert all(isinstance(layer, Layer) and not layer.children for _, layer in tree().walk())


def test_the_vector_has_weights_then_what_is_free_then_buffers():
    network = tree()
    slots = sorted(network.layout.slots, key=lambda slot: slot.start)
    weights = ["stage.conv", "branch.body.conv1", "branch.body.conv2", "branch.shortcut", "fc"]
    assert [slot.name for slot in slots if slot.kind == "weight"] == [f"{name}.weight" for name in weights]
    assert [slot.name for slot in slots][5:7] == ["stage.conv.bias", "stage.scale.scale"]
    assert slots[-1].name == "stage.scale.mean"
    assert [slot.start for slot in slots[1:]] == [slot.stop for slot in slots[:-1]]
    assert list(network.layout.weights) == weights
    assert network.layout.size - network.layout.n_trained == 4  # the buffer
    assert not network.layout["stage.scale.mean"].view(network.flat).any()
    assert network.layout["stage.scale.scale"].view(network.flat).min() >= 0.5


def test_parameters_are_drawn_in_walk_order():
    network, rng = tree(), np.random.default_rng(0)
    for slot in network.layout.slots:
        (layer,) = [leaf for name, leaf in network.walk() if name == slot.name.rpartition(".")[0]]
        (parameter,) = [p for p in layer.parameters if p.key == slot.name.rpartition(".")[2]]
        np.testing.assert_array_equal(slot.view(network.flat), parameter.initial(slot.shape, rng))


def test_layers_see_the_vector_and_the_description_stays_free():
    described = layers()
    network = Network.initialized(described, (2, 6, 6), np.random.default_rng(0))
    for name, layer in network.walk():
        for parameter in layer.parameters:
            assert np.shares_memory(getattr(layer, parameter.key), network.flat), name
    assert described["branch"].children["shortcut"].weight is None
    twin = network.with_flat(np.zeros_like(network.flat))
    assert not np.shares_memory(dict(twin.walk())["branch.shortcut"].weight, network.flat)
    assert np.shares_memory(dict(network.walk())["branch.shortcut"].weight, network.flat)


def test_a_chain_in_a_chain_is_the_flat_chain():
    network, images = lenet5(np.random.default_rng(0), np.float64, units=(2, 3, 4, 5)), np.zeros((2, 1, 28, 28))
    flat = list(network.layers.items())
    nested = Network({"first": Sequential(dict(flat[:3])), "rest": Sequential(dict(flat[3:]))}, (1, 28, 28), network.flat)
    (logits, tape), (expected, other) = nested.forward(images), network.forward(images)
    assert logits.tobytes() == expected.tobytes()
    assert nested.backward(logits, tape)[0].tobytes() == network.backward(expected, other)[0].tobytes()
    names = [f"first.{name}" for name, _ in flat[:3]] + [f"rest.{name}" for name, _ in flat[3:]]
    assert [name for name, _ in nested.chain()] == names
    assert list(sparsity.live_flops(nested).values()) == list(sparsity.live_flops(network).values())


def test_a_nested_chain_is_made_smaller_as_the_flat_one_is():
    network, rng = lenet5(np.random.default_rng(0), np.float64, units=(4, 5, 9, 5)), np.random.default_rng(1)
    for name in ("conv2", "fc1"):
        network.layers[name].weight[rng.random(network.layers[name].weight.shape) < 0.9] = 0
    network.layers["fc1"].weight[:, :40] = 0
    flat = list(network.layers.items())
    nested = Network({"first": Sequential(dict(flat[:3])), "rest": Sequential(dict(flat[3:]))}, (1, 28, 28), network.flat)
    smaller, expected = compact(nested), compact(network)
    assert smaller.flat.tobytes() == expected.flat.tobytes()
    assert "rest.gather" in dict(smaller.walk())
    images = rng.standard_normal((3, 1, 28, 28))
    np.testing.assert_array_equal(smaller.forward(images)[0], expected.forward(images)[0])


@pytest.mark.parametrize("workspace", [None, Workspace()], ids=["fresh", "workspace"])
def test_the_whole_trees_gradient_is_that_of_differences(workspace):
    network, (images, labels) = tree(), batch()
    require_smooth(network, images, margin=1e-6)
    logits, tape = network.forward(images, training=True, workspace=workspace)
    _, dlogits = softmax_cross_entropy(logits, labels)
    gradient, dimages = network.backward(dlogits, tape, input_gradient=True)

    def loss(flat: np.ndarray, at: np.ndarray) -> float:
        return float(softmax_cross_entropy(network.with_flat(flat).forward(at)[0], labels)[0])

    trained = slice(network.layout.n_trained)
    assert relative_error(numeric_gradient(lambda flat: loss(flat, images), network.flat)[trained], gradient[trained]) < 1e-7
    assert relative_error(numeric_gradient(lambda at: loss(network.flat, at), images), dimages) < 1e-7
    # the buffers' part holds what the layer put there, the batch's statistics
    statistics = network.layout["stage.scale.mean"].view(gradient)
    x = np.moveaxis(images, 0, -1)
    np.testing.assert_allclose(statistics, network.layers["stage"].children["conv"].forward(x)[0].mean(axis=(1, 2, 3)))


def test_a_kink_in_a_branch_is_found():
    network, (images, _) = tree(), batch()
    network.layout["branch.body.conv1.weight"].view(network.flat)[...] = 0
    network.layout["branch.body.conv1.bias"].view(network.flat)[...] = 1e-9
    with pytest.raises(ValueError, match=r"branch\.body\.relu is 1\.0e-09 from a kink"):
        require_smooth(network, images)


def test_zeros_and_units_are_counted_in_any_network():
    network = tree()
    network.layout["branch.body.conv2.weight"].view(network.flat)[1:3] = 0
    counts = sparsity.count(network)
    assert list(counts) == list(network.layout.weights)
    counted = asdict(counts["branch.body.conv2"])
    assert counted == {"weights": 144, "zero_weights": 72, "units": 4, "dead_units": 2, "flops": None}
    reason = "branch is a Sum: this needs a network that is a tree of Sequential and Residual"
    assert sparsity.flops_unknown_reason(network) == reason
    assert sparsity.flops_unknown_reason(lenet5(np.random.default_rng(0))) is None


@pytest.mark.parametrize(
    ("use", "needed"),
    [
        (Network.chain, CHAIN),
        (compact, KNOWN_TREE),
        (sparsity.live_flops, KNOWN_TREE),
        (lambda network: footprint.measure(network, b""), KNOWN_TREE),
        (onnx_file.to_onnx, KNOWN_TREE),
    ],
    ids=["chain", "compact", "live_flops", "footprint", "onnx"],
)
def test_what_needs_a_known_order_names_the_branch(use, needed):
    with pytest.raises(MinisglError, match=f"^branch is a Sum: this needs a network that is {needed}$"):
        use(tree())


def test_an_unknown_leaf_is_named():
    class Mine(Linear):
        pass

    class Other(Layer):
        parameters = Linear(3, 3).parameters

        def output_shape(self, shape):
            return shape

        forward = backward = None

    described = {"flatten": Flatten(), "other": Other(), "fc": Mine(4, 3)}
    network = Network(described, (1, 2, 2), np.ones(Network.plan(described).size))
    assert sparsity.flops_unknown_reason(network) == "other is a Other, whose FLOPs are not known"
    with pytest.raises(MinisglError, match="other is a Other: compact does not know"):
        compact(network)
    with pytest.raises(MinisglError, match="other is a Other: there is no ONNX operator for it"):
        onnx_file.to_onnx(network)


@pytest.mark.parametrize("name", ["", "a.b"])
def test_a_name_that_would_not_be_one_in_a_full_name_is_refused(name):
    with pytest.raises(ValueError, match="a layer's name must not be empty or have a dot"):
        Sequential({name: ReLU()})


def test_parameters_of_a_layer_made_of_others_are_refused():
    both = Sum({"conv": Conv2d(2, 2, 1)})
    both.parameters = Conv2d(2, 2, 1).parameters
    with pytest.raises(ValueError, match="branch is made of other layers: its parameters must belong to one of them"):
        Network.plan({"branch": both})


def test_settings_rebuild_a_layer():
    for _, layer in (*tree().walk(), *lenet5(np.random.default_rng(0)).walk()):
        settings = json.loads(json.dumps(layer.settings()))
        assert type(layer)(**settings).settings() == layer.settings()
    assert len(network_file.as_bytes(tree())) > 0


class Shortcut(Sequential):
    """y = x + what the chain makes of x: a branch that calls itself a Sequential."""

    def forward(self, x, workspace=None, training=False, rng=None):
        y, cache = super().forward(x, workspace, training, rng)
        return x + y, cache

    def backward(self, dy, cache, out=None, input_gradient=True):
        dx, grads = super().backward(dy, cache, out)
        return dx + dy, grads


class Leaky(ReLU):
    pass


@pytest.mark.parametrize(
    ("use", "needed"), [(compact, KNOWN_TREE), (sparsity.live_flops, KNOWN_TREE), (onnx_file.to_onnx, KNOWN_TREE)]
)
def test_a_subclass_of_a_chain_is_no_chain(use, needed):
    described = {"flatten": Flatten(), "shortcut": Shortcut({"fc1": Linear(4, 4)}), "fc": Linear(4, 2)}
    network = Network.initialized(described, (1, 2, 2), np.random.default_rng(0))
    with pytest.raises(MinisglError, match=f"shortcut is a Shortcut: this needs a network that is {needed}"):
        use(network)


@pytest.mark.parametrize(("use", "words"), [(compact, "compact does not know"), (onnx_file.to_onnx, "no ONNX operator for it")])
def test_a_subclass_of_a_layer_is_not_taken_for_it(use, words):
    described = {"flatten": Flatten(), "leaky": Leaky(), "fc": Linear(4, 2)}
    with pytest.raises(MinisglError, match=f"leaky is a Leaky: .*{words}"):
        use(Network.initialized(described, (1, 2, 2), np.random.default_rng(0)))


def test_a_layer_called_gather_keeps_its_name():
    described = {"flatten": Flatten(), "gather": ReLU(), "fc": Linear(4, 2)}
    network = Network.initialized(described, (1, 2, 2), np.random.default_rng(0))
    network.layers["fc"].weight[:, 1:3] = 0
    assert list(compact(network).layers) == ["flatten", "gather_", "gather", "fc"]


def test_a_parameter_of_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="the kind of scale must be one of weight, free, buffer, but is 'weights'"):
        Parameter("scale", (3,), "weights", he_normal)
    assert Parameter("scale", [np.int64(3)], "free", he_normal).shape == (3,)
