"""Winograd's convolution is the loops of reference.py: forward, both gradients, every kernel it takes, tiles that stick out.

Both modules are called, for a whole batch and by strips, whatever Conv2d would choose for that size.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.layers import with_weights

from minisgl.nn import Conv2d, reference, winograd, winograd_strips
from minisgl.nn.gradcheck import numeric_gradient, relative_error
from minisgl.nn.layer import gradients
from minisgl.nn.winograd import TILE, matrices
from minisgl.nn.workspace import Workspace


def assert_is_the_reference(kernel, padding, shape, K):
    rng = np.random.default_rng(0)
    layer = with_weights(Conv2d(shape[0], K, kernel, padding=padding, algorithm="winograd"), rng)
    x = rng.standard_normal(shape)
    slow_y = reference.conv2d(x, layer.weight, layer.bias, 1, padding)
    dy = rng.standard_normal(slow_y.shape)
    slow = slow_y, *reference.conv2d_backward(dy, x, layer.weight, 1, padding)
    for algorithm in (winograd, winograd_strips):
        y, cache = algorithm.forward(layer, x, slow_y.shape[1:3], Workspace())
        grads = gradients(layer, None)
        dx = algorithm.backward(layer, dy, cache, grads, True)
        for fast, expected in zip((y, dx, grads["weight"], grads["bias"]), slow, strict=True):
            assert fast.shape == expected.shape
            np.testing.assert_allclose(fast, expected, rtol=0, atol=1e-12 * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5, (1, 5), (5, 2)], ids=str)
@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("shape", [(2, 5, 8, 3), (1, 12, 6, 1)], ids=str)
def test_it_is_a_convolution(kernel, padding, shape):
    assert_is_the_reference(kernel, padding, shape, K=3)


@given(data=st.data(), C=st.integers(1, 3), K=st.integers(1, 3), N=st.integers(1, 3), padding=st.integers(0, 3))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_it_is_a_convolution_generated(data, C, K, N, padding):
    kernel = data.draw(st.tuples(st.integers(1, 5), st.integers(1, 5)), "kernel")
    H, W = (data.draw(st.integers(max(size - 2 * padding, 1), 11), "H, W") for size in kernel)
    assert_is_the_reference(kernel, padding, (C, H, W, N), K)


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
def test_the_matrices_pick_each_product_once(kernel):
    """sum_j A[i, j] G[j, r] B[j, t] = [t = i + r]: the whole derivation in one line."""
    A, G, B = matrices(kernel)
    n = TILE + kernel - 1
    assert [m.shape for m in (A, G, B)] == [(TILE, n), (n, kernel), (n, n)]
    i, r, t = np.ogrid[:TILE, :kernel, :n]
    np.testing.assert_allclose(np.einsum("ij,jr,jt->irt", A, G, B), t == i + r, rtol=0, atol=1e-13)


def test_float32_on_lenets_conv2():
    """Rounding grows tenfold over im2col's and stays far below what training notices."""
    rng = np.random.default_rng(0)
    fast, plain = Conv2d(20, 50, 5, algorithm="winograd"), Conv2d(20, 50, 5)
    fast.weight = plain.weight = (0.06 * rng.standard_normal(plain.weight_shape)).astype(np.float32)
    fast.bias = plain.bias = np.zeros(50, np.float32)
    x = np.maximum(rng.standard_normal((20, 12, 12, 20)), 0).astype(np.float32)
    (y, cache), (expected, other) = fast.forward(x), plain.forward(x)
    dy = rng.standard_normal(y.shape).astype(np.float32)
    (dx, grads), (expected_dx, expected_grads) = fast.backward(dy, cache), plain.backward(dy, other)
    for a, b in ((y, expected), (dx, expected_dx), (grads["weight"], expected_grads["weight"])):
        assert a.dtype == np.float32
        assert np.abs(a - b).max() <= 1e-4 * b.std()


@pytest.mark.parametrize("shape", [(2, 7, 6, 2), (1, 8, 8, 1)], ids=str)
def test_gradients_are_those_of_central_differences(shape):
    rng = np.random.default_rng(1)
    layer = with_weights(Conv2d(shape[0], 2, 5, padding=1, algorithm="winograd"), rng)
    x = rng.standard_normal(shape)
    y, cache = layer.forward(x)
    dy = rng.standard_normal(y.shape)
    dx, grads = layer.backward(dy, cache)

    def as_function_of(name):
        def loss(value):
            before = getattr(layer, name)
            setattr(layer, name, value)
            total = float((layer.forward(x)[0] * dy).sum())
            setattr(layer, name, before)
            return total

        return loss

    assert relative_error(numeric_gradient(lambda at: float((layer.forward(at)[0] * dy).sum()), x), dx) <= 1e-7
    for name in ("weight", "bias"):
        assert relative_error(numeric_gradient(as_function_of(name), getattr(layer, name)), grads[name]) <= 1e-7


@pytest.mark.parametrize("kernel", [6, (3, 7)], ids=str)
def test_larger_kernels_are_refused(kernel):
    with pytest.raises(ValueError, match=r"kernels up to 5, but got \("):
        Conv2d(1, 1, kernel, algorithm="winograd")


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("kind", ["even", "one large pixel", "every size"])
def test_the_error_is_relative_to_the_largest_input_of_the_tile(kernel, kind):
    """At most 60 u * sum over c of max |x_c in the tile| * sum |w_c|; the docstring says 30 and 40 of what was measured."""
    rng, (C, K, N, size) = np.random.default_rng(0), (8, 4, 3, 14)
    x = rng.normal(size=(C, size, size, N)).astype(np.float32)
    if kind == "one large pixel":
        x[:, 6, 6] = 1e7
    if kind == "every size":
        x *= (10.0 ** rng.integers(-6, 6, size=(1, size, size, 1))).astype(np.float32)
    layer = with_weights(Conv2d(C, K, kernel, algorithm="winograd"), rng, np.float32)
    y = layer.forward(x)[0]
    exact = reference.conv2d(x.astype(np.float64), layer.weight.astype(np.float64), layer.bias.astype(np.float64), 1, 0)
    sizes, n = np.abs(layer.weight).sum(axis=(2, 3), dtype=np.float64), TILE + kernel - 1  # (K, C)
    for top in range(0, y.shape[1], TILE):
        for left in range(0, y.shape[2], TILE):
            largest = np.abs(x[:, top : top + n, left : left + n]).max(axis=(1, 2))  # (C, N)
            tile = np.s_[:, top : top + TILE, left : left + TILE]
            allowed = 60 * 2.0**-24 * (sizes @ largest)[:, None, None] + np.abs(exact[tile]) * 2.0**-22
            assert (np.abs(y[tile] - exact[tile]) <= allowed).all()


def test_an_infinite_input_spoils_its_whole_tile_and_im2col_has_only_the_windows_that_contain_it():
    x = np.random.default_rng(0).normal(size=(8, 12, 12, 1)).astype(np.float32)
    x[0, 5, 5] = np.inf
    spoiled = {}
    for algorithm in ("winograd", "im2col"):
        layer = with_weights(Conv2d(8, 1, 3, algorithm=algorithm), np.random.default_rng(1), np.float32)
        with np.errstate(invalid="ignore"):
            spoiled[algorithm] = int((~np.isfinite(layer.forward(x)[0])).sum())
    assert spoiled["im2col"] == 9
    assert spoiled["winograd"] >= 16  # it may touch several tiles


@pytest.mark.parametrize(("largest", "finite"), [(1e35, True), (1e38, False)])
def test_very_large_inputs_overflow_where_im2col_does_not(largest, finite):
    x = np.full((8, 12, 12, 1), largest, np.float32) * np.random.default_rng(0).choice([-1, 1], (8, 12, 12, 1)).astype(
        np.float32
    )
    for algorithm in ("winograd", "im2col"):
        layer = with_weights(Conv2d(8, 1, 5, algorithm=algorithm), np.random.default_rng(1), np.float32)
        layer.weight[...] *= np.float32(1e-3)
        with np.errstate(invalid="ignore", over="ignore"):
            assert np.isfinite(layer.forward(x)[0]).all() == (finite or algorithm == "im2col")


@pytest.mark.parametrize(("rows", "images", "by_strips"), [(8, 1, False), (9, 1, True), (8, 15_000, True)])
def test_large_maps_and_large_batches_go_by_strips(rows, images, by_strips, monkeypatch):
    called = []
    for algorithm in (winograd, winograd_strips):
        monkeypatch.setattr(algorithm, "forward", lambda *a, algorithm=algorithm: called.append(algorithm) or (None, None))
    with_weights(Conv2d(1, 1, 3, padding=1, algorithm="winograd"), np.random.default_rng(0)).forward(
        np.ones((1, rows, 4, images))
    )
    assert called == [winograd_strips if by_strips else winograd]


def test_strips_share_their_buffers_and_a_smaller_batch_reuses_them():
    """Two layers and a partial batch with one workspace, as in training, give what each gives with its own."""
    rng = np.random.default_rng(0)
    layers = [with_weights(Conv2d(c, k, 3, padding=1, algorithm="winograd"), rng) for c, k in ((2, 5), (5, 3))]
    shared = Workspace()
    for n in (4, 3, 4):
        x = rng.standard_normal((2, 13, 10, n))
        passes = []
        for first, second in ((shared, shared), (Workspace(), Workspace())):
            h, cache = layers[0].forward(x, first)
            y, other = layers[1].forward(h, second)
            dh, grads = layers[1].backward(np.cos(y), other)
            dx, more = layers[0].backward(dh, cache)
            passes.append([y.copy(), dx.copy(), grads["weight"], more["weight"]])
        for a, b in zip(*passes, strict=True):
            np.testing.assert_array_equal(a, b)
