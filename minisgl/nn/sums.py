"""Sums over rows, the gradient of a bias:  out[k] = sum over n of x[k, n]."""

from minisgl.backend import Array, get_array_module
from minisgl.kernels import Reduction, has_kernels

ROW_SUMS = Reduction("row_sums", "T x", "T sums", map="x", post="sums = a", sum_type="T")


def sum_rows(x: Array, out: Array) -> None:
    """Write the sums over the rows of x (K, N) into out (K,)."""
    if has_kernels(x):
        ROW_SUMS(x, out=out[:, None], axis=(1,))
    else:
        out[...] = get_array_module(x).einsum("kn->k", x)  # a plain sum, for which einsum is faster than sum
