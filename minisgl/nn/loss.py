"""Softmax cross-entropy: the surprise at the true label, averaged over the batch.

    p = softmax(z) = exp(z) / sum(exp(z)),   loss = mean over n of -log p[n, label[n]],   dloss/dz = (p - onehot) / N

The gradient is that short because the logarithm undoes the exponential: -log p[label] = log(sum(exp(z))) - z[label], whose
derivative in z is p - onehot. Subtracting the row's maximum first changes nothing but keeps exp from overflowing.
"""

from minisgl.backend import Array, get_array_module


def _shifted(logits: Array) -> Array:
    return logits - get_array_module(logits).max(logits, axis=1, keepdims=True)


def softmax(logits: Array) -> Array:
    """Probabilities (N, D) of logits (N, D); each row sums to 1."""
    xp = get_array_module(logits)
    exps = xp.exp(_shifted(logits))
    return exps / xp.sum(exps, axis=1, keepdims=True)


def softmax_cross_entropy(logits: Array, labels: Array, batch_size: int | None = None) -> tuple[Array, Array]:
    """Loss (a scalar array) and its gradient (N, D) for logits (N, D) and integer labels (N,) in 0..D-1.

    batch_size is what the sums are divided by, N by default. A shard passes the size of the whole batch, so that losses
    and gradients of the shards simply add up. Raises ValueError when labels is not of shape (N,), or empty without a
    batch_size. That labels are in range is the data loader's care: to look would fetch them from a device.
    """
    xp = get_array_module(logits)
    N, D = logits.shape
    if labels.shape != (N,):
        raise ValueError(f"{N} rows of logits want labels of shape ({N},), and got {labels.shape}")
    if not (batch_size or N):
        raise ValueError("the mean loss of 0 images is not defined")
    scale = 1.0 / (batch_size or N)
    z = _shifted(logits)  # (N, D)
    exps = xp.exp(z)
    sums = xp.sum(exps, axis=1, keepdims=True)  # (N, 1)
    onehot = labels[:, None] == xp.arange(D)  # (N, D)
    true_z = xp.sum(xp.where(onehot, z, 0), axis=1)  # (N,), z is finite or the loss is not a number anyway
    loss = xp.sum(xp.log(sums[:, 0]) - true_z) * scale
    return loss, (exps / sums - onehot) * scale
