"""What every layer promises its caller, whatever it computes: see the Layer protocol in minisgl/nn/layer.py.

The caller's arrays are only read. A workspace saves memory and changes no number. A pass lives in its cache, not in the
layer, so that backward can be repeated and can come late.
"""

import numpy as np
import pytest
from support.layers import LAYERS, parameters_of, with_weights

from minisgl.nn import Conv2d, Dropout, Flatten, Layer, ReLU, Workspace


@pytest.fixture(params=LAYERS)
def case(request) -> tuple[Layer, np.ndarray, np.ndarray]:
    """A layer with weights, an input x and a cotangent dy."""
    rng = np.random.default_rng(0)
    build, shape = LAYERS[request.param]
    layer = with_weights(build(), rng)
    x = rng.standard_normal(shape)
    return layer, x, rng.standard_normal((*layer.output_shape(shape[:-1]), shape[-1]))


def one_pass(layer, x, dy, workspace=None) -> dict[str, np.ndarray]:
    y, cache = layer.forward(x, workspace)
    y = y.copy()
    dx, grads = layer.backward(dy, cache)
    return {"y": y, "x": dx.copy()} | {name: gradient.copy() for name, gradient in grads.items()}


def assert_same_bits(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert one.keys() == other.keys()
    for name, array in one.items():
        assert array.shape == other[name].shape
        assert array.dtype == other[name].dtype
        assert array.tobytes() == other[name].tobytes(), name


def test_a_workspace_gives_the_same_memory_to_an_owner_and_role():
    workspace, (one, other), like = Workspace(), (ReLU(), ReLU()), np.zeros(0)
    whole = workspace.array(one, "y", (3, 4), like)
    assert np.shares_memory(whole, workspace.array(one, "y", (3, 4), like))
    assert np.shares_memory(whole, workspace.array(one, "y", (5,), like))
    assert not np.shares_memory(whole, workspace.array(one, "dx", (3, 4), like))
    assert not np.shares_memory(whole, workspace.array(other, "y", (3, 4), like))
    assert workspace.array(one, "y", (5, 4), like).shape == (5, 4)


def test_a_workspace_makes_a_constant_once():
    workspace, owner, made = Workspace(), ReLU(), []
    for _ in range(2):
        assert workspace.once(owner, "three", lambda: made.append(3) or 3) == 3
    assert made == [3]


@pytest.mark.parametrize("new_workspace", [lambda: None, Workspace], ids=["without", "workspace"])
def test_the_callers_arrays_are_not_written(case, new_workspace):
    layer, x, dy = case
    mine = [x, dy, *parameters_of(layer).values()]
    before = [array.copy() for array in mine]
    for array in mine:
        array.flags.writeable = False  # an in-place operation, even one undone later, raises
    y, cache = layer.forward(x, new_workspace())
    dx, _ = layer.backward(dy, cache)
    for array, copy in zip(mine, before, strict=True):
        np.testing.assert_array_equal(array, copy)
    if not isinstance(layer, Flatten | Dropout):  # their output may be the input itself, with nothing to overwrite
        assert not np.shares_memory(y, x)
        assert not np.shares_memory(dx, dy)


def test_a_reused_workspace_changes_no_bit(case):
    layer, x, dy = case
    workspace = Workspace()
    for n in (4, 4, 1, 3, 4):  # smaller last batches, then a full one again
        part = np.ascontiguousarray(x[..., :n]), np.ascontiguousarray(dy[..., :n])
        assert_same_bits(one_pass(layer, *part), one_pass(layer, *part, workspace))


def test_a_workspace_serves_both_dtypes():
    workspace, layer, rng = Workspace(), Conv2d(2, 3, 2, padding=1), np.random.default_rng(0)
    for dtype in (np.float32, np.float64, np.float32):
        layer.weight, layer.bias = rng.standard_normal((3, 2, 2, 2)).astype(dtype), np.ones(3, dtype)
        x, dy = rng.standard_normal((2, 4, 3, 2)).astype(dtype), np.ones((3, 5, 4, 2), dtype)
        assert_same_bits(one_pass(layer, x, dy), one_pass(layer, x, dy, workspace))


@pytest.mark.parametrize("new_workspace", [lambda: None, Workspace], ids=["without", "workspace"])
def test_backward_can_be_repeated(case, new_workspace):
    layer, x, dy = case
    _, cache = layer.forward(x, new_workspace())
    layer.backward(2 * dy, cache)
    dx, grads = layer.backward(dy, cache)
    expected = one_pass(layer, x, dy)
    del expected["y"]
    assert_same_bits({"x": dx} | dict(grads), expected)


def test_a_layer_remembers_no_pass(case):
    layer, x, dy = case
    _, cache = layer.forward(x)
    layer.forward(3 - x)
    np.testing.assert_array_equal(layer.backward(dy, cache)[0], one_pass(layer, x, dy)["x"])


def test_backward_takes_a_strided_dy(case):
    """What a padded layer returns is the inside of a larger array."""
    layer, x, dy = case
    strided, plain = one_pass(layer, x, np.repeat(dy, 2, axis=0)[::2]), one_pass(layer, x, dy)
    for name, array in plain.items():
        np.testing.assert_allclose(strided[name], array, rtol=0, atol=1e-12)


WITH_PARAMETERS = [name for name, (build, _) in LAYERS.items() if build().parameters]


@pytest.mark.parametrize("case", WITH_PARAMETERS, indirect=True)
def test_gradients_go_into_out_and_input_gradient_is_optional(case):
    layer, x, dy = case
    expected = one_pass(layer, x, dy)
    out = {key: np.full_like(array, np.nan) for key, array in parameters_of(layer).items()}
    dx, grads = layer.backward(dy, layer.forward(x)[1], out, input_gradient=False)
    assert dx is None
    assert grads is out
    assert_same_bits(out, {name: expected[name] for name in out})
