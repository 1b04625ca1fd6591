"""Softmax cross-entropy: right against its definition, its gradient, and its invariances, and finite for huge logits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisgl.nn import reference, softmax, softmax_cross_entropy
from minisgl.nn.gradcheck import numeric_gradient, relative_error


def sample(N: int = 6, D: int = 10, dtype=np.float64, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits (N, D) and labels (N,)."""
    rng = np.random.default_rng(seed)
    return (3 * rng.standard_normal((N, D))).astype(dtype), rng.integers(0, D, N)


@given(N=st.integers(1, 7), D=st.integers(1, 12), seed=st.integers(0, 1000), smoothing=st.sampled_from([0.0, 0.1, 0.75]))
@settings(max_examples=80, deadline=None, derandomize=True)
def test_equals_the_definition(N, D, seed, smoothing):
    logits, labels = sample(N, D, seed=seed)
    loss, gradient = softmax_cross_entropy(logits, labels, smoothing=smoothing)
    slow_loss, slow_gradient = reference.softmax_cross_entropy(logits, labels, smoothing)
    assert loss.shape == ()
    np.testing.assert_allclose(loss, slow_loss, rtol=0, atol=1e-12)
    np.testing.assert_allclose(gradient, slow_gradient, rtol=0, atol=1e-12)


def test_known_cases():
    """Equal logits: the surprise is log D, whatever the label. Odds of 3 to 1: probabilities 3/4 and 1/4."""
    assert softmax_cross_entropy(np.full((3, 10), 7.0), np.array([0, 5, 9]))[0] == pytest.approx(np.log(10))
    loss, gradient = softmax_cross_entropy(np.array([[np.log(3), 0.0]]), np.array([1]))
    assert loss == pytest.approx(np.log(4))
    np.testing.assert_allclose(gradient, [[0.75, -0.75]], atol=1e-15)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("batch_size", [None, 20])
def test_gradient_by_differences(batch_size, smoothing):
    logits, labels = sample()
    numeric = numeric_gradient(lambda z: float(softmax_cross_entropy(z, labels, batch_size, smoothing)[0]), logits)
    assert relative_error(numeric, softmax_cross_entropy(logits, labels, batch_size, smoothing)[1]) <= 1e-7


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_float32_stays_float32(smoothing):
    logits, labels = sample(dtype=np.float32)
    loss, gradient = softmax_cross_entropy(logits, labels, smoothing=smoothing)
    exact_loss, exact_gradient = softmax_cross_entropy(logits.astype(np.float64), labels, smoothing=smoothing)
    assert loss.dtype == gradient.dtype == softmax(logits).dtype == np.float32
    np.testing.assert_allclose(loss, exact_loss, rtol=1e-6)
    np.testing.assert_allclose(gradient, exact_gradient, atol=1e-7)


def test_a_shift_of_a_row_changes_nothing():
    logits, labels = sample()
    shifts = np.random.default_rng(1).integers(-1000, 1000, (6, 1)).astype(float)
    loss, gradient = softmax_cross_entropy(logits, labels)
    shifted_loss, shifted_gradient = softmax_cross_entropy(logits + shifts, labels)
    np.testing.assert_allclose(shifted_loss, loss, rtol=0, atol=1e-12)
    np.testing.assert_allclose(shifted_gradient, gradient, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_logits_do_not_overflow(dtype):
    """exp(1e4) is infinite in every dtype; overflow would also warn, and warnings are errors here."""
    logits = np.array([[1e4, -1e4, 0], [-1e4, -1e4, -1e4], [1e4, 1e4, -1e4], [0, 1e4, 0]], dtype)
    loss, gradient = softmax_cross_entropy(logits, np.array([0, 1, 0, 2]))
    assert loss == pytest.approx((0 + np.log(3) + np.log(2) + 1e4) / 4)
    expected = [[0, 0, 0], [1 / 3, -2 / 3, 1 / 3], [-1 / 2, 1 / 2, 0], [0, 1, -1]]
    np.testing.assert_allclose(gradient, np.array(expected) / 4, atol=1e-7)


def test_gradient_rows_sum_to_zero_and_probabilities_to_one():
    logits, labels = sample(50)
    np.testing.assert_allclose(softmax_cross_entropy(logits, labels)[1].sum(axis=1), 0, atol=1e-16)
    np.testing.assert_allclose(softmax(logits).sum(axis=1), 1, atol=1e-15)
    assert (softmax(logits) > 0).all()


def test_gradient_is_softmax_minus_onehot():
    logits, labels = sample(5)
    np.testing.assert_allclose(softmax_cross_entropy(logits, labels)[1], (softmax(logits) - np.eye(10)[labels]) / 5, atol=1e-16)


@pytest.mark.parametrize("splits", [[3], [1, 2, 5], [0, 6]])
def test_shards_add_up(splits):
    """With the whole batch's size, losses of shards add up and gradients of shards are rows of the whole, empty shards too."""
    logits, labels = sample(6)
    loss, gradient = softmax_cross_entropy(logits, labels)
    shards = list(zip(np.split(logits, splits), np.split(labels, splits), strict=True))
    losses, gradients = zip(*(softmax_cross_entropy(*shard, batch_size=6) for shard in shards), strict=True)
    np.testing.assert_allclose(sum(losses), loss, rtol=1e-14)
    np.testing.assert_allclose(np.concatenate(gradients), gradient, rtol=1e-14)


def test_arguments_are_not_written():
    logits, labels = sample()
    logits.flags.writeable = labels.flags.writeable = False
    softmax(logits)
    softmax_cross_entropy(logits, labels)


@pytest.mark.parametrize(("N", "D", "shape"), [(6, 10, (5,)), (6, 10, (1,)), (6, 10, (6, 1)), (6, 6, (6, 1)), (1, 10, (1, 1))])
def test_labels_of_another_shape_are_refused(N, D, shape):
    """One label too few must not be broadcast over the batch."""
    with pytest.raises(ValueError, match=str(N)):
        softmax_cross_entropy(sample(N, D)[0], np.zeros(shape, int))


# ---- label smoothing


def test_smoothed_targets_by_hand():
    """With s = 0.4 and four classes, q is 0.7 or 0.1. At p = q the gradient is 0, and the loss is q's entropy."""
    q = np.array([[0.1, 0.7, 0.1, 0.1]])
    loss, gradient = softmax_cross_entropy(np.log(q), np.array([1]), smoothing=0.4)
    assert loss == pytest.approx(-(q * np.log(q)).sum(), rel=1e-14)
    np.testing.assert_allclose(gradient, 0, atol=1e-15)


def test_smoothing_is_the_mean_over_labels():
    """The loss is linear in the targets: 1 - s times the loss of the label, and s times the mean over all labels."""
    logits, labels = sample(5)
    pairs = [softmax_cross_entropy(logits, np.full(5, d)) for d in range(10)]
    mean = [np.mean([pair[i] for pair in pairs], axis=0) for i in (0, 1)]
    for found, plain, every in zip(
        softmax_cross_entropy(logits, labels, smoothing=0.3), softmax_cross_entropy(logits, labels), mean, strict=True
    ):
        np.testing.assert_allclose(found, 0.7 * plain + 0.3 * every, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_without_smoothing_the_bytes_are_those_of_the_plain_loss(dtype):
    logits, labels = sample(50, dtype=dtype)
    z = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    expected = (p - (labels[:, None] == np.arange(10))) * (1 / 50)
    assert softmax_cross_entropy(logits, labels, smoothing=0.0)[1].tobytes() == expected.tobytes()


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_smoothing_is_pytorchs(smoothing):
    torch = pytest.importorskip("torch")
    logits, labels = sample(20)
    z = torch.tensor(logits, requires_grad=True)
    theirs = torch.nn.CrossEntropyLoss(label_smoothing=smoothing)(z, torch.tensor(labels))
    theirs.backward()
    loss, gradient = softmax_cross_entropy(logits, labels, smoothing=smoothing)
    assert float(loss) == pytest.approx(theirs.item(), rel=1e-12)
    np.testing.assert_allclose(gradient, z.grad.numpy(), rtol=0, atol=1e-15)
