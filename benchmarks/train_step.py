"""The time of one training step, compared with the same step in PyTorch: `python -m benchmarks.train_step [--json]`

The whole SGL-l0 step (group lasso on W, l0 on V) on LeNet-5 at batch 100, float32, two cores: forward, backward, the gradients
of group lasso and coupling, Adam, thresholding; on MNIST's images and with quick's settings. PyTorch (extra `bench`) runs in
eager mode, in its usual memory order and in channels_last, and the faster of the two counts. minisgl and PyTorch alternate in
turns of 20 steps each, and the ratio is the median over the turns. torch.compile's time is printed too. The share of the GEMM
limit is the time that im2col's 1.32 GFLOP would need at the machine's rate for large matrices, over the measured time;
Winograd's convolution needs fewer operations.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Mapping

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from benchmarks.peer import lenet5_peer
from benchmarks.timing import gemm_gflops, in_turn, median_ratio
from minisgl.data import mnist
from minisgl.experiments import PRESETS
from minisgl.models import lenet5
from minisgl.solver.schedules import StepSettings
from minisgl.solver.splitting import Splitting
from minisgl.training.processes import shareable, training_shards
from minisgl.training.setup import make_splitting
from minisgl.training.shards import Shards

BATCH, THREADS, TURN, ROUNDS = 100, 2, 20, 30  # a turn is 20 steps
GFLOP = 1.32  # multiply-adds times two, forward and backward, as im2col does them
CONFIG = PRESETS["quick"]
THRESHOLD = 0.05  # quick's threshold in the middle of its ramp


def our_step(shards: Shards, splitting: Splitting, images: np.ndarray, labels: np.ndarray) -> Callable[[], object]:
    """Return a function that takes minisgl's step on one batch."""
    settings = StepSettings(CONFIG.lr, CONFIG.regime.beta, dict.fromkeys(splitting.network.layout.weights, THRESHOLD))
    return lambda: shards.step(splitting, settings, images, labels)


def torch_step(images: np.ndarray, labels: np.ndarray, channels_last: bool, compiled: bool = False) -> Callable[[], object]:
    """Return a function that takes PyTorch's step on the same batch."""
    peer = lenet5_peer(CONFIG.penalty.group_weight, CONFIG.lr, channels_last=channels_last)
    if compiled:
        peer.network = torch.compile(peer.network)
    x = torch.from_numpy(images).contiguous(memory_format=peer.memory_format)
    y = torch.from_numpy(labels.astype(np.int64))
    return lambda: peer.step(x, y, CONFIG.regime.beta, THRESHOLD)


def repeated(step: Callable[[], object]) -> Callable[[], None]:
    """Return a function that takes one turn of steps."""

    def turn() -> None:
        for _ in range(TURN):
            step()

    return turn


def compared(times: Mapping[str, list[float]], steps: int, gflop: float, gflops: float) -> dict[str, float]:
    """Return the figures for turns of so many steps. A step needs gflop, as im2col does it, and the machine does gflops."""
    ms = {name: 1e3 * statistics.median(taken) / steps for name, taken in times.items()}
    rival = min("torch", "torch channels_last", key=ms.__getitem__)
    ideal = 1e3 * gflop / gflops
    return {
        "ours_ms": ms["ours"],
        "torch_ms": ms[rival],
        "ratio_to_torch": median_ratio(times[rival], times["ours"]),
        "gemm_gflops": gflops,
        "share_of_gemm_limit": ideal / ms["ours"],
        "torch_share_of_gemm_limit": ideal / ms[rival],
        "torch_contiguous_ms": ms["torch"],
        "torch_channels_last_ms": ms["torch channels_last"],
    }


def measure(batch: int = BATCH, threads: int = THREADS, rounds: int = ROUNDS, compiled: bool = True) -> dict[str, float]:
    """Return the milliseconds per step of both, and ratios derived from them; see the keys."""
    digits = mnist.load()[0][:batch]
    torch.set_num_threads(threads)
    with threadpool_limits(limits=threads, user_api="blas"):
        gflops = gemm_gflops()
    splitting = shareable(make_splitting(CONFIG, lenet5(np.random.default_rng(0))), CONFIG.shards, threads)
    with training_shards(CONFIG.shards, threads, [splitting], batch) as shards:
        runs = {
            "ours": repeated(our_step(shards, splitting, digits.images, digits.labels)),
            "torch": repeated(torch_step(digits.images, digits.labels, channels_last=False)),
            "torch channels_last": repeated(torch_step(digits.images, digits.labels, channels_last=True)),
        }
        if compiled:
            runs["torch.compile"] = repeated(torch_step(digits.images, digits.labels, channels_last=True, compiled=True))
        times = in_turn(runs, rounds, warm_up=3)
    figures = compared(times, TURN, GFLOP * batch / 100, gflops)
    if compiled:
        figures["torch_compile_ms"] = 1e3 * statistics.median(times["torch.compile"]) / TURN
    return figures


def main() -> None:
    """Print the figures, as text or as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train_step", description="Time a step, also in PyTorch.")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    as_json = parser.parse_args().json
    figures = measure()
    if as_json:
        json.dump(figures, sys.stdout)
        print()
        return
    print(f"one SGL-l0 step on LeNet-5, batch {BATCH}, float32, {THREADS} threads")
    for key, value in figures.items():
        print(f"{key.replace('_', ' '):<28} {value:8.2f}")


if __name__ == "__main__":
    main()
