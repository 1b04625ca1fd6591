"""im2col and col2im, which turn a convolution into one matrix product.

A convolution multiplies the same (K, C R S) weights by every window of the image. im2col writes each window's C R S
numbers as one column; with P Q N windows in a batch the whole layer is

    y (K, P Q N) = weight (K, C R S) @ columns (C R S, P Q N).

col2im is its transpose: it adds each column's numbers back to the pixels they were copied from. A pixel that k windows
share receives k numbers. With the image index last, every copy below moves contiguous runs of numbers, Q*N long at stride 1.
"""

from minisgl.backend import Array, get_array_module
from minisgl.kernels import Indexed
from minisgl.nn.workspace import Workspace

SIZES = "int32 H, int32 W, int32 R, int32 S, int32 P, int32 Q, int32 N, int32 stride, int32 padding"
# C++ for one pixel of a map for each i, with its row and column in the padded map
PIXEL = """
    int n = i % N, w = i / N % W + padding, h = i / N / W % H + padding;
    ptrdiff_t c = i / N / W / H;
    T sum = 0;
"""
# skip this pass of the loop unless a window begins at row `top` and column `left` of the padded map
WINDOW = "if (top < 0 || left < 0 || top % stride || left % stride || top / stride >= P || left / stride >= Q) continue;"
# one number of a column for each i
GATHER_COLUMNS = Indexed(
    "gather_columns",
    f"raw T x, {SIZES}",
    "T columns",
    """
    int n = i % N, q = i / N % Q, p = i / N / Q % P, s = i / N / Q / P % S, r = i / N / Q / P / S % R;
    ptrdiff_t c = i / N / Q / P / S / R;
    int h = p * stride - padding + r, w = q * stride - padding + s;
    columns = h < 0 || h >= H || w < 0 || w >= W ? T(0) : T(x[((c * H + h) * W + w) * N + n]);
    """,
)
# one pixel for each i, which gets the sum over the columns that it was copied to
GATHER_PIXELS = Indexed(
    "gather_pixels",
    f"raw T columns, {SIZES}",
    "T x",
    f"""{PIXEL}
    for (int r = 0; r < R; ++r) {{
        for (int s = 0; s < S; ++s) {{
            int top = h - r, left = w - s;
            {WINDOW}
            sum += columns[((((c * R + r) * S + s) * P + top / stride) * Q + left / stride) * N + n];
        }}
    }}
    x = sum;
    """,
)


def require_stride_and_padding(stride: int, padding: int) -> None:
    """Raise ValueError unless both are whole numbers, stride >= 1 and padding >= 0."""
    if not (isinstance(stride, int) and isinstance(padding, int)) or stride < 1 or padding < 0:
        raise ValueError(f"a window needs stride >= 1 and padding >= 0, but got stride {stride} and padding {padding}")


def output_size(size: int, kernel: int, stride: int, padding: int) -> int:
    """How many windows fit along one axis: floor((size + 2 padding - kernel) / stride) + 1. ValueError if none fits."""
    if size + 2 * padding < kernel:
        raise ValueError(f"a kernel of {kernel} does not fit an input of {size} with padding {padding}")
    return (size + 2 * padding - kernel) // stride + 1


def pad(x: Array, padding: int, workspace: Workspace) -> Array:
    """Surround each (H, W) map of x (C, H, W, N) with `padding` rows and columns of -infinity; x itself if padding is 0."""
    if padding == 0:
        return x
    C, H, W, N = x.shape
    padded = workspace.scratch("padded", (C, H + 2 * padding, W + 2 * padding, N), x)
    padded.fill(float("-inf"))
    padded[:, padding : padding + H, padding : padding + W] = x
    return padded


def windows(x: Array, pixel: tuple[int, int], stride: int, size: tuple[int, int]) -> Array:
    """The view (C, P, Q, N) of x (C, H, W, N) that holds pixel (r, s) of each of the size = (P, Q) windows."""
    (r, s), (P, Q) = pixel, size
    return x[:, r : r + stride * (P - 1) + 1 : stride, s : s + stride * (Q - 1) + 1 : stride]


def every_window(x: Array, kernel: tuple[int, int], stride: int, size: tuple[int, int]) -> Array:
    """The view (C, R, S, P, Q, N) of a padded x (C, H, W, N) whose [:, :, :, p, q] is window (p, q), size = (P, Q)."""
    C, _, _, N = x.shape
    c, h, w, n = x.strides
    as_strided = get_array_module(x).lib.stride_tricks.as_strided
    return as_strided(x, shape=(C, *kernel, *size, N), strides=(c, h, w, stride * h, stride * w, n))


def im2col(x: Array, kernel: tuple[int, int], stride: int, out: Array) -> Array:
    """Copy the windows of a padded x (C, H, W, N) into out (C, R, S, P, Q, N)."""
    out[...] = every_window(x, kernel, stride, out.shape[3:5])
    return out


def col2im(columns: Array, stride: int, out: Array) -> Array:
    """Add columns (C, R, S, P, Q, N) back to the pixels of out (C, H, W, N), padding included; out starts at zero."""
    _, R, S, P, Q, _ = columns.shape
    out.fill(0)
    for r in range(R):
        for s in range(S):
            # (C, P, Q, N): for one (r, s) the windows do not overlap, so += sees each pixel once
            windows(out, (r, s), stride, (P, Q))[...] += columns[:, r, s]
    return out
