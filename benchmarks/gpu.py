"""The training step on an NVIDIA GPU, compared with PyTorch on the same GPU: `python -m benchmarks.gpu [--json]`

The step of benchmarks.train_step with batches of 100, 1,000 and 10,000 images: milliseconds, images per second, and PyTorch's
time over ours, measured alternately on the same GPU in the same run. Needs the extra cuda12 or cuda13, and a PyTorch built for
CUDA. Both are synchronized only at the end of a turn, so that no step waits for its loss.
"""

import argparse
import json
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.peer import lenet5_peer
from benchmarks.timing import in_turn, median_ratio
from benchmarks.train_step import CONFIG, THRESHOLD
from minisgl.backend import array_module, device_name, to_device
from minisgl.command import errors_as_sentences
from minisgl.data import mnist
from minisgl.errors import MinisglError
from minisgl.models import lenet5
from minisgl.solver.schedules import StepSettings
from minisgl.training.setup import make_splitting
from minisgl.training.shards import running_shards

BATCHES, TURN, ROUNDS = (100, 1_000, 10_000), 20, 15


def our_turn(xp: Any, images: np.ndarray, labels: np.ndarray) -> Callable[[], None]:
    """Return a function that runs minisgl's steps on the GPU and waits until they are finished."""
    network = lenet5(np.random.default_rng(0))
    splitting = make_splitting(CONFIG, network.with_flat(to_device(network.flat, xp)))
    settings = StepSettings(CONFIG.lr, CONFIG.regime.beta, dict.fromkeys(network.layout.weights, THRESHOLD))
    x, y = to_device(images, xp), to_device(labels, xp)

    def turn() -> None:
        with running_shards(1, 1) as shards:
            for _ in range(TURN):
                shards.step(splitting, settings, x, y)
        xp.cuda.Device().synchronize()

    return turn


def torch_turn(images: np.ndarray, labels: np.ndarray, channels_last: bool) -> Callable[[], None]:
    """Return a function that runs PyTorch's steps on the GPU and waits until they are finished."""
    peer = lenet5_peer(CONFIG.penalty.group_weight, CONFIG.lr, device="cuda", channels_last=channels_last)
    x = torch.from_numpy(images).cuda().contiguous(memory_format=peer.memory_format)
    y = torch.from_numpy(labels.astype(np.int64)).cuda()

    def turn() -> None:
        for _ in range(TURN):
            peer.step(x, y, CONFIG.regime.beta, THRESHOLD)
        torch.cuda.synchronize()

    return turn


def measure() -> dict[str, Any]:
    """Return the GPU's name, the versions, and a row for each batch size. MinisglError if CuPy or PyTorch finds no GPU."""
    xp = array_module("cupy")
    if not torch.cuda.is_available():
        raise MinisglError(f"PyTorch {torch.__version__} finds no GPU: the peer needs a PyTorch built for CUDA")
    digits, rows = mnist.load()[0], []
    for batch in BATCHES:
        images, labels = digits.images[:batch], digits.labels[:batch]
        runs = {
            "ours": our_turn(xp, images, labels),
            "torch": torch_turn(images, labels, channels_last=False),
            "torch channels_last": torch_turn(images, labels, channels_last=True),
        }
        times = in_turn(runs, ROUNDS, warm_up=3)
        rival = min("torch", "torch channels_last", key=lambda name: statistics.median(times[name]))
        ours = statistics.median(times["ours"]) / TURN
        rows.append(
            {
                "batch": batch,
                "ours_ms": 1e3 * ours,
                "torch_ms": 1e3 * statistics.median(times[rival]) / TURN,
                "ratio_to_torch": median_ratio(times[rival], times["ours"]),
                "images_per_second": batch / ours,
            }
        )
    return {"device": device_name(xp), "cupy": xp.__version__, "torch": torch.__version__, "rows": rows}


def main() -> None:
    """Print a Markdown table for docs/gpu.md, or one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description="Time a step on a GPU, also in PyTorch.")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    as_json = parser.parse_args().json
    with errors_as_sentences():
        figures = measure()
    if as_json:
        print(json.dumps(figures))
        return
    print(f"{figures['device']}, CuPy {figures['cupy']}, PyTorch {figures['torch']}\n")
    print("| batch | minisgl, ms | PyTorch, ms | PyTorch's time over ours | images a second |\n|---|---|---|---|---|")
    for row in figures["rows"]:
        print(
            f"| {row['batch']:,} | {row['ours_ms']:.2f} | {row['torch_ms']:.2f} | {row['ratio_to_torch']:.2f} "
            f"| {row['images_per_second']:,.0f} |"
        )


if __name__ == "__main__":
    main()
