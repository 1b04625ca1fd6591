"""Shards: the gradient is the whole batch's for any number of shards and threads, and BLAS's limits are restored."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from minisgl.models import lenet5
from minisgl.nn import Workspace, softmax_cross_entropy
from minisgl.nn.network import EVALUATION_BATCH
from minisgl.training.shards import running_shards


def twin(dtype=np.float64):
    return lenet5(np.random.default_rng(0), dtype, units=(2, 3, 8, 10))


def centred_twin():
    """A twin whose most likely class varies from image to image: its mean logits are 0."""
    network = twin()
    network.layers["fc2"].bias[...] -= network.forward(batch(431)[0])[0].mean(axis=0)
    return network


def batch(size, dtype=np.float64):
    rng = np.random.default_rng(size)
    return rng.random((size, 1, 28, 28)).astype(dtype), rng.integers(0, 10, size)


def whole(network, images, labels, smoothing=0.0):
    """Loss, number of wrong answers and gradient in a single pass."""
    logits, tape = network.forward(images, training=True, workspace=Workspace())
    loss, dlogits = softmax_cross_entropy(logits, labels, smoothing=smoothing)
    return float(loss), int((logits.argmax(axis=1) != labels).sum()), network.backward(dlogits, tape)[0]


def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


# ---- gradients


@pytest.mark.parametrize("size", [1, 2, 7, 20])  # some smaller than the number of shards
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shards", [1, 2, 3])
def test_gradient_is_that_of_the_whole_batch(shards, threads, size):
    network, (images, labels) = twin(), batch(size)
    loss, wrong, gradient = whole(network, images, labels)
    with running_shards(shards, threads) as run:
        found = run.gradient(network, images, labels)
    assert found[0] == pytest.approx(loss, rel=1e-13)
    assert found[1] == wrong
    assert found[2].shape == network.flat.shape
    assert np.linalg.norm(found[2] - gradient) <= 1e-12 * np.linalg.norm(gradient)


@pytest.mark.parametrize("shards", [1, 3])
def test_labels_are_smoothed_in_every_shard(shards):
    network, (images, labels) = twin(), batch(20)
    loss, _, gradient = whole(network, images, labels, 0.3)
    with running_shards(shards, 2, smoothing=0.3) as run:
        found = run.gradient(network, images, labels)
    assert found[0] == pytest.approx(loss, rel=1e-13)
    assert np.linalg.norm(found[2] - gradient) <= 1e-12 * np.linalg.norm(gradient)
    assert loss != pytest.approx(whole(network, images, labels)[0], rel=1e-6)


def test_changing_batches_leave_no_trace():
    """Buffers are kept from call to call; a smaller batch, a larger one, then the first again: each is right."""
    network = twin()
    with running_shards(3, 2) as run:
        for size in (7, 2, 30, 1, 7):
            images, labels = batch(size)
            assert np.allclose(run.gradient(network, images, labels)[2], whole(network, images, labels)[2], rtol=0, atol=1e-13)


@pytest.mark.parametrize("shards", [1, 2, 3, 4])
def test_bytes_do_not_depend_on_threads(shards):
    network = twin(np.float32)
    batches = [batch(size, np.float32) for size in (20, 20, 3)]
    seen = set()
    for threads in (1, 2, 2, 3):
        with running_shards(shards, threads) as run:
            results = []
            for images, labels in batches:
                loss, wrong, gradient = run.gradient(network, images, labels)
                results.append((loss, wrong, gradient.tobytes()))
        seen.add(tuple(results))
    assert len(seen) == 1


def test_an_error_in_any_shard_arrives():
    """The last shard has too few images for its labels; then every shard has labels with two axes."""
    network, (images, labels) = twin(), batch(20)
    for shards in (3, 4):  # the last one runs on a thread of the pool, or on this one
        with running_shards(shards, 3) as run:
            for wrong in (np.concatenate([labels, labels[:5]]), labels.reshape(10, 2)):
                with pytest.raises(ValueError, match="labels must have the shape"):
                    run.gradient(network, images, wrong)


def test_one_shard_is_the_plain_pass_to_the_bit():
    network, (images, labels) = twin(np.float32), batch(20, np.float32)
    with running_shards(1, 1) as run:
        loss, wrong, gradient = run.gradient(network, images, labels)
        expected = whole(network, images, labels)
    assert (loss, wrong) == expected[:2]
    assert gradient.tobytes() == expected[2].tobytes()


# ---- predictions


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shards", [1, 2, 3])
@pytest.mark.parametrize("size", [1, EVALUATION_BATCH, EVALUATION_BATCH + 1, 431])
def test_predict_is_the_argmax_across_all_borders(size, shards, threads):
    network, (images, labels) = centred_twin(), batch(size)
    direct = network.forward(images)[0].argmax(axis=1)
    with running_shards(shards, threads) as run:
        predicted = run.predict(network, images)
        error = run.error(network, images, labels)
    assert np.issubdtype(predicted.dtype, np.integer)
    assert np.array_equal(predicted, direct)
    assert error == pytest.approx(100 * np.mean(direct != labels))


def test_the_predictions_differ_from_image_to_image():
    """Otherwise the test above could not see a wrong order."""
    assert len(set(centred_twin().forward(batch(431)[0])[0].argmax(axis=1).tolist())) > 2


def test_error_is_in_percent():
    network, (images, _) = twin(), batch(8)
    right = network.forward(images)[0].argmax(axis=1)
    labels = right.copy()
    labels[:2] = (labels[:2] + 1) % 10
    with running_shards(2, 1) as run:
        assert run.error(network, images, right) == 0
        assert run.error(network, images, labels) == 25


# ---- BLAS


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("before", [1, 2])
def test_blas_has_one_thread_inside_and_its_own_number_after(threads, before):
    with threadpool_limits(before, user_api="blas"):
        limits = blas_threads()
        assert limits
        with running_shards(2, threads):
            assert set(blas_threads()) == {1}
        assert blas_threads() == limits


@pytest.mark.parametrize("threads", [1, 2])
def test_blas_limits_come_back_after_an_exception(threads):
    """Of the caller, and of a shard: images of the wrong size."""
    network, (_, labels) = twin(), batch(4)
    with threadpool_limits(2, user_api="blas"):
        limits = blas_threads()
        with pytest.raises(KeyError), running_shards(2, threads):
            raise KeyError
        assert blas_threads() == limits
        with pytest.raises(ValueError, match="needs images"), running_shards(2, threads) as run:
            run.gradient(network, np.zeros((4, 1, 27, 28)), labels)
        assert blas_threads() == limits
