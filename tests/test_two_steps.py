"""examples/two_steps.py: its reader, its gradients and its steps, each against an independent computation; and it learns."""

import ast
import gzip
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

EXAMPLE = Path(__file__).parent.parent / "examples" / "two_steps.py"


@pytest.fixture
def page() -> ModuleType:
    """The example, imported anew for each test."""
    spec = spec_from_file_location("two_steps", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def loss(x, labels, W, b):
    """The mean cross-entropy in float64, image by image."""
    total = 0.0
    for image, label in zip(x, labels, strict=True):
        h = np.asarray(image, float)
        for w, c in zip(W, b, strict=True):
            z = w.astype(float) @ h + c
            h = np.maximum(z, 0)
        total += np.log(np.exp(z).sum()) - z[label]
    return total / len(x)


def slopes(function, arrays, eps=1e-6):
    """d function() / d each entry of each array, by central differences; the arrays (float64) are changed and restored."""
    found = [np.zeros(a.shape) for a in arrays]
    for a, g in zip(arrays, found, strict=True):
        for i in np.ndindex(*a.shape):
            kept = a[i]
            a[i] = kept + eps
            above = function()
            a[i] = kept - eps
            below = function()
            a[i] = kept
            g[i] = (above - below) / (2 * eps)
    return found


@pytest.fixture
def few():
    """Nine random images of 6 pixels in 3 classes."""
    rng = np.random.default_rng(0)
    return rng.random((9, 6)).astype(np.float32), rng.integers(0, 3, 9)


def test_it_is_one_page_that_imports_numpy_and_the_penalties_only():
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 125
    imported = set()
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module)
    assert imported == {"gzip", "itertools", "math", "pathlib", "numpy", "minisgl.penalties"}


def test_it_reads_the_digits(page, digits):
    for name, expected in zip(("train", "t10k"), digits, strict=True):
        x, labels = page.mnist(name)
        assert np.array_equal(x, expected.images.reshape(-1, 784))
        assert np.array_equal(labels, expected.labels)
        assert x.dtype == np.float32


def test_its_gradients_are_those_of_the_loss(page, few):
    x, labels = few
    rng = np.random.default_rng(1)
    W, b = [rng.standard_normal(s) for s in ((5, 6), (4, 5), (3, 4))], [rng.standard_normal(k) for k in (5, 4, 3)]
    dW, db = page.gradients(x, labels, W, b)
    for found, expected in zip(dW + db, slopes(lambda: loss(x, labels, W, b), W + b), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-7)


def test_its_steps_are_those_of_its_formulas(page, few, monkeypatch):
    """Three mini-batches: Adam on the slopes of F's smooth part, then hard thresholding."""
    monkeypatch.setattr(page, "SIZES", (6, 5, 4, 3))
    monkeypatch.setattr(page, "BATCH", 3)
    monkeypatch.setattr(page, "TAU", 0.5)
    monkeypatch.setattr(page, "BETA", 0.5)
    monkeypatch.setattr(page, "RISE", 2)
    monkeypatch.setattr(page, "GROUP", page.GroupLasso(0.01, groups=1))
    x, labels = few
    W, V, b = page.train(x, labels, epochs=1, seed=3)

    rng = np.random.default_rng(3)
    w = [rng.normal(0, (2 / d) ** 0.5, (k, d)).astype(np.float32).astype(float) for d, k in ((6, 5), (5, 4), (4, 3))]
    v, c = [a.copy() for a in w], [np.zeros(k) for k in (5, 4, 3)]
    order = rng.permutation(9)
    m = s = [np.zeros(a.shape) for a in w + c]
    for t, (tau, beta) in enumerate([(0.5 / 1.5, 0.5), (0.5, 0.5 * 2 ** (1 / 3)), (0.5, 1.0)]):
        batch = order[3 * t : 3 * t + 3]

        def smooth(batch=batch, beta=beta, v=v):
            group = sum(0.01 * np.sqrt(len(a)) * np.linalg.norm(a, axis=0).sum() for a in w)
            coupling = sum(beta / 2 * ((a - z) ** 2).sum() for a, z in zip(w, v, strict=True))
            return loss(x[batch], labels[batch], w, c) + group + coupling

        g = slopes(smooth, w + c)
        m = [0.9 * a + 0.1 * d for a, d in zip(m, g, strict=True)]
        s = [0.999 * a + 0.001 * d**2 for a, d in zip(s, g, strict=True)]
        lr = 2e-3 * (1 + np.cos(np.pi * (t + 1) / 3)) / 2
        for a, mean, square in zip(w + c, m, s, strict=True):
            a[...] = a - lr * mean / (1 - 0.9 ** (t + 1)) / (np.sqrt(square / (1 - 0.999 ** (t + 1))) + 1e-8)
        v = [np.where(np.abs(a) > tau, a, 0) for a in w]
    for found, expected in zip(W + V + b, w + v + c, strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5)


def test_it_learns_and_its_bytes_follow_from_the_seed(page, digits, monkeypatch):
    monkeypatch.setattr(page, "TAU", 0.05)  # in so few steps no weight gets far from where it started
    x, labels = digits[0].images[:3000].reshape(-1, 784), digits[0].labels[:3000]
    W, V, b = page.train(x[:2000], labels[:2000], epochs=2)
    assert page.error(x[2000:], labels[2000:], V, b) < 20
    for w, v in zip(W, V, strict=True):
        assert v.dtype == np.float32
        assert np.array_equal(v, np.where(np.abs(w) > np.float32(page.TAU), w, 0))
    assert sum(np.count_nonzero(v == 0) for v in V) > 0.5 * sum(v.size for v in V)
    first, again, other = (page.train(x[:500], labels[:500], epochs=1, seed=seed)[1][2] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_table_counts_what_is_there(page, monkeypatch, capsys, tmp_path):
    """From files of 1,100 digits, 500 of them held out, with one epoch."""
    for name in ("train", "t10k"):
        for kind, header, row in (("images-idx3", 16, 784), ("labels-idx1", 8, 1)):
            content = gzip.decompress((page.DATA / f"{name}-{kind}-ubyte.gz").read_bytes())
            (tmp_path / f"{name}-{kind}-ubyte.gz").write_bytes(gzip.compress(content[: header + 1100 * row]))
    made = []
    train = page.train
    monkeypatch.setattr(page, "train", lambda x, labels: made.append(train(x, labels, epochs=1)) or made[0])
    monkeypatch.setattr(page, "DATA", tmp_path)
    monkeypatch.setattr(page, "HELD_OUT", 500)
    page.main()
    table = capsys.readouterr().out
    V = made[0][1]
    zeros = sum(int((v == 0).sum()) for v in V)
    assert f"weights           {784 * 300 + 300 * 100 + 100 * 10}\n" in table
    assert f"exactly zero      {zeros} ({zeros / 2662:.2f} %" in table
    assert f"pixels left       {np.count_nonzero(np.abs(V[0]).sum(axis=0))} of 784" in table
    x, labels = page.mnist("t10k")
    assert f"test error of V   {page.error(x, labels, V, made[0][2]):.2f} %" in table
