"""An evaluator that shares no code with minisgl: bytes of model.safetensors and of the test set in, error and zeros out.

It knows the formats and the definitions of LeNet-5, of the curve network and of the small residual network, and uses NumPy
alone, in float64, in PyTorch's layout. DATA is a directory of IDX files, for shaky curves the file of pictures that minisgl
keeps in the user's cache, for CIFAR-10 the folder cifar-10-batches-bin. If RUN has a compact.onnx, onnxruntime reads it too.
Run by hand: python tests/independent.py RUN [DATA]
"""

import gzip
import json
import struct
import sys
from pathlib import Path

import numpy as np

CIFAR10_MEAN, CIFAR10_DEVIATION = np.array([0.491400, 0.482158, 0.446531]), np.array([0.247032, 0.243485, 0.261588])


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
    if (records := directory / "test_batch.bin").is_file():
        rows = np.frombuffer(records.read_bytes(), np.uint8).reshape(-1, 1 + 3 * 32 * 32)
        return rows[:, 1:].reshape(-1, 3, 32, 32) / 255.0, rows[:, 0]

    def content(stem: str) -> bytes:
        zipped = directory / f"{stem}.gz"
        return gzip.decompress(zipped.read_bytes()) if zipped.exists() else (directory / stem).read_bytes()

    images = np.frombuffer(content("t10k-images-idx3-ubyte")[16:], np.uint8).reshape(-1, 1, 28, 28) / 255.0
    labels = np.frombuffer(content("t10k-labels-idx1-ubyte")[8:], np.uint8)
    return images, labels


def convolve(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None = None, relu: bool = True) -> np.ndarray:
    R, S = weight.shape[2:]
    P, Q = x.shape[2] - R + 1, x.shape[3] - S + 1
    y = np.zeros((len(x), len(weight), P, Q)) + (0 if bias is None else bias[:, None, None])
    for r in range(R):
        for s in range(S):
            y += np.tensordot(x[:, :, r : r + P, s : s + Q], weight[:, :, r, s], axes=(1, 1)).transpose(0, 3, 1, 2)
    return np.maximum(y, 0) if relu else y


def pool(x: np.ndarray) -> np.ndarray:
    N, C, H, W = x.shape
    return x.reshape(N, C, H // 2, 2, W // 2, 2).max(axis=(3, 5))


def residual_logits(images: np.ndarray, t: dict[str, np.ndarray], eps: float = 1e-5) -> np.ndarray:
    def step(x: np.ndarray, name: str, max_pool: bool = False) -> np.ndarray:
        """A padded 3 x 3 convolution, batch normalisation with the running statistics, pooling, ReLU."""
        *block, last = name.split(".")
        conv, bn = (".".join([*block, last.replace("conv", kind)]) for kind in ("conv", "bn"))
        x = convolve(np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), t[f"{conv}.weight"], relu=False)
        mean, variance, gamma, beta = (
            t[f"{bn}.{key}"][:, None, None] for key in ("running_mean", "running_var", "weight", "bias")
        )
        x = gamma * (x - mean) / np.sqrt(variance + eps) + beta
        return np.maximum(pool(x) if max_pool else x, 0)

    x = (images - CIFAR10_MEAN[:, None, None]) / CIFAR10_DEVIATION[:, None, None]
    x = step(step(x, "conv1"), "conv2", max_pool=True)
    x = x + step(step(x, "block1.conv1"), "block1.conv2")
    x = step(step(x, "conv3", max_pool=True), "conv4", max_pool=True)
    x = x + step(step(x, "block2.conv1"), "block2.conv2")
    return x.mean(axis=(2, 3)) @ t["fc.weight"].T + t["fc.bias"]


def logits(images: np.ndarray, t: dict[str, np.ndarray]) -> np.ndarray:
    if "block1.conv1.weight" in t:
        return residual_logits(images, t)
    x = pool(convolve(images, t["conv1.weight"], t["conv1.bias"]))
    x = pool(convolve(x, t["conv2.weight"], t["conv2.bias"]))
    if "conv3.weight" in t:
        x = pool(convolve(x, t["conv3.weight"], t["conv3.bias"]))
        return x.reshape(len(x), -1) @ t["fc.weight"].T + t["fc.bias"]
    x = np.maximum(x.reshape(len(x), 800) @ t["fc1.weight"].T + t["fc1.bias"], 0)
    return x @ t["fc2.weight"].T + t["fc2.bias"]


def predict(images: np.ndarray, tensors: dict[str, np.ndarray]) -> np.ndarray:
    parts = [logits(images[start : start + 500], tensors).argmax(axis=1) for start in range(0, len(images), 500)]
    return np.concatenate(parts)


def weights_of(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights by layer; gamma of batch normalisation, a vector, is none."""
    return {name.removesuffix(".weight"): w for name, w in tensors.items() if name.endswith(".weight") and w.ndim > 1}


def evaluate(run: Path, data: Path) -> tuple[float, int, int]:
    """Test error in percent, number of zero weights, number of weights."""
    tensors = read_safetensors(run / "model.safetensors")
    images, labels = read_test_set(data)
    return in_percent(predict(images, tensors), labels), *count(tensors)


def in_percent(predicted: np.ndarray, labels: np.ndarray) -> float:
    return 100 * int((predicted != labels).sum()) / len(labels)


def count(tensors: dict[str, np.ndarray]) -> tuple[int, int]:
    """Number of zero weights, number of weights."""
    weights = weights_of(tensors).values()
    return sum(int((w == 0).sum()) for w in weights), sum(w.size for w in weights)


def predict_onnx(path: Path, images: np.ndarray) -> np.ndarray:
    from onnxruntime import InferenceSession  # noqa: PLC0415  needed for compressed runs only

    session = InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    name, batches = session.get_inputs()[0].name, np.array_split(images.astype(np.float32), len(images) // 500 or 1)
    return np.concatenate([session.run(None, {name: batch})[0].argmax(axis=1) for batch in batches])


def main(run: Path, data: Path) -> None:
    tensors = read_safetensors(run / "model.safetensors")
    images, labels = read_test_set(data)
    predicted, (zeros, weights) = predict(images, tensors), count(tensors)
    error = in_percent(predicted, labels)
    print(f"{error:.2f} % test error, {zeros} of {weights} weights are zero ({100 * zeros / weights:.2f} %)")
    for name, w in weights_of(tensors).items():
        print(f"{name:<14} {int((w == 0).sum()):>7} of {w.size:>7} ({100 * (w == 0).mean():.2f} %)")
    if (onnx := run / "compact.onnx").exists():
        found = predict_onnx(onnx, images)
        differ = int((found != predicted).sum())
        error = in_percent(found, labels)
        print(f"compact.onnx in onnxruntime: {error:.2f} % test error, {differ} of {len(images)} images in another class")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parents[1] / "data" / "mnist")
