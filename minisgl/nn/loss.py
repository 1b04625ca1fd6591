"""Softmax cross-entropy: -log of the true label's probability, averaged over the batch.

    p = softmax(z) = exp(z) / sum(exp(z)),   loss = mean over n of -log p[n, label[n]],   dloss/dz = (p - onehot) / N

The gradient is so short because the logarithm undoes the exponential: -log p[label] = log(sum(exp(z))) - z[label], whose
derivative in z is p - onehot. Subtracting the row's maximum first changes nothing but keeps exp from overflowing.

With label smoothing s, the true label's target is 1 - s + s/D instead of 1, and every other class's is s/D (D classes):

    q = (1 - s) onehot + s/D,   loss = mean over n of -sum over d of q[n, d] log p[n, d],   dloss/dz = (p - q) / N

The targets of an image add up to 1, so again -sum q log p = log(sum(exp(z))) - sum q z, with the derivative p - q. It is 0 at a
finite z, so the logits need not grow without limit.

Source of label smoothing: Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, CVPR 2016.
"""

from minisgl.backend import Array, get_array_module
from minisgl.kernels import Indexed, has_kernels
from minisgl.nn.workspace import Workspace

# one image n for each i, with logits and gradient (D, N)
SOFTMAX_CROSS_ENTROPY = Indexed(
    "softmax_cross_entropy",
    "raw T logits, raw L labels, int32 D, int32 N, T scale, T smoothing",
    "T loss, raw T gradient",
    """
    T largest = logits[i], sum = 0, sum_z = 0;
    for (int d = 1; d < D; ++d) largest = logits[d * N + i] > largest ? T(logits[d * N + i]) : largest;
    for (int d = 0; d < D; ++d) {
        T z = logits[d * N + i] - largest;
        sum += exp(z);
        sum_z += z;
    }
    int label = labels[i];
    loss = log(sum) - (1 - smoothing) * (logits[label * N + i] - largest) - smoothing / D * sum_z;
    for (int d = 0; d < D; ++d) {
        T target = (1 - smoothing) * (d == label) + smoothing / D;
        gradient[d * N + i] = (exp(logits[d * N + i] - largest) / sum - target) * scale;
    }
    """,
)
WRONG = Indexed(
    "wrong",
    "raw T logits, raw L labels, int32 D, int32 N",
    "int64 wrong",
    """
    int best = 0;
    for (int d = 1; d < D; ++d) best = logits[d * N + i] > logits[best * N + i] ? d : best;
    wrong = best != labels[i];
    """,
)


def _shifted(logits: Array) -> Array:
    return logits - get_array_module(logits).max(logits, axis=1, keepdims=True)


def softmax(logits: Array) -> Array:
    """Probabilities (N, D) of logits (N, D); each row sums to 1."""
    xp = get_array_module(logits)
    exps = xp.exp(_shifted(logits))
    return exps / xp.sum(exps, axis=1, keepdims=True)


def softmax_cross_entropy(
    logits: Array,
    labels: Array,
    batch_size: int | None = None,
    smoothing: float = 0.0,
    workspace: Workspace | None = None,
) -> tuple[Array, Array]:
    """Loss (a scalar array) and its gradient (N, D) for logits (N, D) and integer labels (N,) in 0..D-1; 0 <= smoothing < 1.

    The sums are divided by batch_size, by default N. A shard passes the size of the whole batch, so that the losses and
    gradients of the shards add up. ValueError if labels does not have the shape (N,), or is empty without a batch_size. The
    data loader checks that labels are in range: a check here would copy them from the device. On a GPU the gradient is
    valid until the workspace is used again.
    """
    N = len(logits)
    if labels.shape != (N,):
        raise ValueError(f"labels must have the shape ({N},) for {N} rows of logits, but have {labels.shape}")
    if not (batch_size or N):
        raise ValueError("the mean loss of 0 images is not defined")
    scale = 1.0 / (batch_size or N)
    if has_kernels(logits):
        return _launched(logits, labels, scale, smoothing, workspace or Workspace())
    losses, slopes = per_image(logits, labels, smoothing)
    return get_array_module(logits).sum(losses) * scale, slopes * scale


def per_image(logits: Array, labels: Array, smoothing: float) -> tuple[Array, Array]:
    """Return the loss of each image, (N,), and its derivatives in the image's logits, (N, D)."""
    xp, D = get_array_module(logits), logits.shape[1]
    z = _shifted(logits)  # (N, D)
    exps = xp.exp(z)
    sums = xp.sum(exps, axis=1, keepdims=True)  # (N, 1)
    onehot = labels[:, None] == xp.arange(D)  # (N, D)
    true_z = xp.sum(xp.where(onehot, z, 0), axis=1)  # (N,); where z is not finite, the loss is NaN anyway
    if not smoothing:
        return xp.log(sums[:, 0]) - true_z, exps / sums - onehot
    target_z = (1 - smoothing) * true_z + smoothing / D * xp.sum(z, axis=1)  # (N,): sum over d of q z
    q = (1 - smoothing) * onehot.astype(z.dtype) + smoothing / D  # (N, D)
    return xp.log(sums[:, 0]) - target_z, exps / sums - q


def _launched(logits: Array, labels: Array, scale: float, smoothing: float, ws: Workspace) -> tuple[Array, Array]:
    """Return the loss and its gradient by a kernel."""
    N, D = logits.shape
    losses, gradient = ws.scratch("losses", (N,), logits), ws.array("loss", "gradient", (D, N), logits)
    SOFTMAX_CROSS_ENTROPY(logits.T, labels, D, N, scale, smoothing, out=(losses, gradient))
    loss = get_array_module(logits).sum(losses, out=ws.number(logits))
    loss *= scale
    return loss, gradient.T


def wrong_answers(logits: Array, labels: Array, workspace: Workspace | None = None) -> Array:
    """Return how many rows of logits (N, D) have their largest number elsewhere than at the label (N,), as an array ()."""
    if not has_kernels(logits):
        return (logits.argmax(axis=1) != labels).sum()
    ws, (N, D) = workspace or Workspace(), logits.shape
    wrong = ws.scratch("wrong", (N,), logits, "int64")
    WRONG(logits.T, labels, D, N, out=wrong)
    return get_array_module(logits).sum(wrong, out=ws.number(logits, "int64"))
