"""Softmax cross-entropy: -log of the true label's probability, averaged over the batch.

    p = softmax(z) = exp(z) / sum(exp(z)),   loss = mean over n of -log p[n, label[n]],   dloss/dz = (p - onehot) / N

The gradient is so short because the logarithm undoes the exponential: -log p[label] = log(sum(exp(z))) - z[label], whose
derivative in z is p - onehot. Subtracting the row's maximum first changes nothing but keeps exp from overflowing.

With label smoothing s, the true label's target is not 1 but 1 - s + s/D, and that of every other class s/D (D classes):

    q = (1 - s) onehot + s/D,   loss = mean over n of -sum over d of q[n, d] log p[n, d],   dloss/dz = (p - q) / N

The targets of an image add up to 1, so again -sum q log p = log(sum(exp(z))) - sum q z, with the derivative p - q. It is 0 at a
finite z, so the logits need not grow for ever.

Source of label smoothing: Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, CVPR 2016.
"""

from minisgl.backend import Array, get_array_module


def _shifted(logits: Array) -> Array:
    return logits - get_array_module(logits).max(logits, axis=1, keepdims=True)


def softmax(logits: Array) -> Array:
    """Probabilities (N, D) of logits (N, D); each row sums to 1."""
    xp = get_array_module(logits)
    exps = xp.exp(_shifted(logits))
    return exps / xp.sum(exps, axis=1, keepdims=True)


def softmax_cross_entropy(
    logits: Array, labels: Array, batch_size: int | None = None, smoothing: float = 0.0
) -> tuple[Array, Array]:
    """Loss (a scalar array) and its gradient (N, D) for logits (N, D) and integer labels (N,) in 0..D-1; 0 <= smoothing < 1.

    The sums are divided by batch_size, by default N. A shard passes the size of the whole batch, so that the losses and
    gradients of the shards add up. ValueError if labels does not have the shape (N,), or is empty without a batch_size. The
    data loader checks that labels are in range: a check here would copy them from the device.
    """
    xp = get_array_module(logits)
    N, D = logits.shape
    if labels.shape != (N,):
        raise ValueError(f"labels must have the shape ({N},) for {N} rows of logits, but have {labels.shape}")
    if not (batch_size or N):
        raise ValueError("the mean loss of 0 images is not defined")
    scale = 1.0 / (batch_size or N)
    z = _shifted(logits)  # (N, D)
    exps = xp.exp(z)
    sums = xp.sum(exps, axis=1, keepdims=True)  # (N, 1)
    onehot = labels[:, None] == xp.arange(D)  # (N, D)
    true_z = xp.sum(xp.where(onehot, z, 0), axis=1)  # (N,); where z is not finite, the loss is NaN anyway
    if not smoothing:
        loss = xp.sum(xp.log(sums[:, 0]) - true_z) * scale
        return loss, (exps / sums - onehot) * scale
    target_z = (1 - smoothing) * true_z + smoothing / D * xp.sum(z, axis=1)  # (N,): sum over d of q z
    loss = xp.sum(xp.log(sums[:, 0]) - target_z) * scale
    q = (1 - smoothing) * onehot.astype(z.dtype) + smoothing / D  # (N, D)
    return loss, (exps / sums - q) * scale
