"""An evaluator that shares no code with minisgl: bytes of model.safetensors and of the test set in, error and zeros out.

It knows the formats and the definitions of LeNet-5 and of the curve network, and uses NumPy alone, in float64, in PyTorch's
layout. DATA is a directory of IDX files or, for shaky curves, the file of pictures that minisgl keeps in the user's cache.
Run by hand: python tests/independent.py RUN [DATA]
"""

import gzip
import json
import struct
import sys
from pathlib import Path

import numpy as np


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        numbers = np.frombuffer(content[8 + length + begin : 8 + length + end], {"F32": "<f4", "U8": np.uint8}[entry["dtype"]])
        tensors[name] = numbers.reshape(entry["shape"]).astype(np.float64)
    return tensors


def read_test_set(directory: Path) -> tuple[np.ndarray, np.ndarray]:
    if directory.is_file():
        pictures = read_safetensors(directory)["test"]
        return pictures[:, None] / 255.0, np.arange(len(pictures)) % 2

    def content(stem: str) -> bytes:
        zipped = directory / f"{stem}.gz"
        return gzip.decompress(zipped.read_bytes()) if zipped.exists() else (directory / stem).read_bytes()

    images = np.frombuffer(content("t10k-images-idx3-ubyte")[16:], np.uint8).reshape(-1, 1, 28, 28) / 255.0
    labels = np.frombuffer(content("t10k-labels-idx1-ubyte")[8:], np.uint8)
    return images, labels


def convolve(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    R, S = weight.shape[2:]
    P, Q = x.shape[2] - R + 1, x.shape[3] - S + 1
    y = np.zeros((len(x), len(weight), P, Q)) + bias[:, None, None]
    for r in range(R):
        for s in range(S):
            y += np.tensordot(x[:, :, r : r + P, s : s + Q], weight[:, :, r, s], axes=(1, 1)).transpose(0, 3, 1, 2)
    return np.maximum(y, 0)


def pool(x: np.ndarray) -> np.ndarray:
    N, C, H, W = x.shape
    return x.reshape(N, C, H // 2, 2, W // 2, 2).max(axis=(3, 5))


def logits(images: np.ndarray, t: dict[str, np.ndarray]) -> np.ndarray:
    x = pool(convolve(images, t["conv1.weight"], t["conv1.bias"]))
    x = pool(convolve(x, t["conv2.weight"], t["conv2.bias"]))
    if "conv3.weight" in t:
        x = pool(convolve(x, t["conv3.weight"], t["conv3.bias"]))
        return x.reshape(len(x), -1) @ t["fc.weight"].T + t["fc.bias"]
    x = np.maximum(x.reshape(len(x), 800) @ t["fc1.weight"].T + t["fc1.bias"], 0)
    return x @ t["fc2.weight"].T + t["fc2.bias"]


def evaluate(run: Path, data: Path) -> tuple[float, int, int]:
    """Test error in percent, number of zero weights, number of weights."""
    tensors = read_safetensors(run / "model.safetensors")
    images, labels = read_test_set(data)
    wrong = 0
    for start in range(0, len(labels), 500):
        batch = slice(start, start + 500)
        wrong += int((logits(images[batch], tensors).argmax(axis=1) != labels[batch]).sum())
    weights = [tensor for name, tensor in tensors.items() if name.endswith(".weight")]
    return 100 * wrong / len(labels), sum(int((w == 0).sum()) for w in weights), sum(w.size for w in weights)


if __name__ == "__main__":
    data = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parents[1] / "data" / "mnist"
    error, zeros, weights = evaluate(Path(sys.argv[1]), data)
    print(f"{error:.2f} % test error, {zeros} of {weights} weights are zero ({100 * zeros / weights:.2f} %)")
