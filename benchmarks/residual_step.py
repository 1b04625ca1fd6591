"""One training step of a wide residual network, compared with PyTorch: `python -m benchmarks.residual_step [--json] [--table]`

The whole SGL-l0 step on WRN-16-2 at batch 128, float32, two cores: forward, backward, batch normalisation, group lasso on W and
l0 on V in the first 3 x 3 convolution of each block, weight decay elsewhere, SGD with Nesterov's momentum. minisgl has two
shards in two processes, each with its own batch statistics; PyTorch (extra `bench`) normalises the whole batch with two
threads. Eager mode in PyTorch's usual memory order and in channels_last; the faster of the two counts. The images are random
bytes: the arithmetic is that of photographs.

minisgl and PyTorch take turns of one step, and the ratio is the median over the rounds. A turn begins when no other process
uses the cores; `ungated_turns` is the number of turns that began without that, after seconds of waiting. The share of the GEMM
limit counts six operations for a multiply-add of the forward pass, as im2col does them; Winograd's convolution needs fewer.

Then the memory: the peak of three steps, less the peak of the imports alone, each in a separate program. A shared page is
divided among the processes that share it (Linux's PSS). The ratio is our memory over PyTorch's in the memory order that
needs less.
"""

import argparse
import json
from collections.abc import Callable
from functools import cache, partial

import torch
from threadpoolctl import threadpool_limits

from benchmarks.memory import EVERY, peak_mib
from benchmarks.peer import Peer
from benchmarks.residual import THRESHOLD, Size, configured, initialized, our_step, random_batch
from benchmarks.timing import Gate, gemm_gflops, in_turn
from benchmarks.torch_networks import WideResNet
from benchmarks.train_step import compared
from minisgl.analysis import footprint
from minisgl.command import errors_as_sentences
from minisgl.config import SGDConfig, TrainConfig
from minisgl.data import cifar10
from minisgl.nn import Network

ROUNDS, TABLE_ROUNDS = 20, 5
TABLE = dict.fromkeys(  # without repeating the default
    [
        *(Size(batch=batch) for batch in (64, 128, 256)),
        *(Size(width=width) for width in (1, 2, 4)),
        *(Size(depth=depth) for depth in (10, 16, 22)),
    ]
)
OURS = """
import sys
from benchmarks.residual import Size, our_step
"""
OUR_STEPS = """
with our_step(Size(*map(int, sys.argv[1:]))) as step:
    step(), step(), step()
"""
# the first optimiser imports torch._dynamo, with 800 modules; here it counts as an import
TORCH = """
import sys
import torch._dynamo
from benchmarks.residual_step import Size, torch_step
"""
TORCH_STEPS = """
depth, width, batch, channels_last = map(int, sys.argv[1:])
step = torch_step(Size(depth, width, batch), bool(channels_last))
step(), step(), step()
"""
PAUSE = f"import time\ntime.sleep({4 * EVERY})"  # long enough for a measurement after the last import


def peer_of(network: Network, config: TrainConfig, channels_last: bool) -> Peer:
    """Return the same network in PyTorch, with the same parameters, penalties and optimiser."""
    assert isinstance(config.optimizer, SGDConfig)
    arrays = {slot.name: torch.from_numpy(slot.view(network.flat).copy()) for slot in network.layout.slots}
    dtype = arrays["fc.weight"].dtype
    twin = WideResNet(config.size.depth, config.size.width, cifar10.MEAN, cifar10.DEVIATION, dtype)
    twin.load_state_dict(arrays)
    momentum, nesterov = config.optimizer.momentum, config.optimizer.nesterov
    return Peer(
        twin,
        [f"{layer}.weight" for layer in config.penalty.sparse_among(list(network.layout.weights))],
        partial(torch.optim.SGD, lr=config.lr, momentum=momentum, nesterov=nesterov, fused=True),  # foreach takes longer
        config.penalty.group_weight,
        decay=config.weight_decay,
        channels_last=channels_last,
    )


def torch_step(size: Size, channels_last: bool) -> Callable[[], object]:
    """Return a function that takes PyTorch's step on the batch that minisgl has, with as many threads."""
    config = configured(size)
    torch.set_num_threads(config.threads)
    peer = peer_of(initialized(config), config, channels_last)
    images, labels = random_batch(config)
    x, y = torch.from_numpy(images).contiguous(memory_format=peer.memory_format), torch.from_numpy(labels)
    return lambda: peer.step(x, y, config.regime.beta, THRESHOLD)


def measure(size: Size, rounds: int = ROUNDS) -> dict[str, float]:
    """Return the milliseconds per step of both, and ratios derived from them; see the keys."""
    config, gate = configured(size), Gate()
    with threadpool_limits(limits=config.threads, user_api="blas"):
        gflops = gemm_gflops()
    with our_step(size) as ours:
        runs = {
            "ours": ours,
            "torch": torch_step(size, channels_last=False),
            "torch channels_last": torch_step(size, channels_last=True),
        }
        times = in_turn(runs, rounds, warm_up=2, gate=gate)
    gflop = 6e-9 * size.batch * footprint.measure(initialized(config), b"").multiply_adds
    return {**compared(times, 1, gflop, gflops), "turns": rounds * len(runs), "ungated_turns": gate.gave_up}


@cache
def imports_mib(imports: str) -> float:
    """Return the peak memory of a program that only imports, in MiB."""
    return peak_mib("-c", imports + PAUSE)


def measure_memory(size: Size) -> dict[str, float]:
    """Return the peak memory of both without their imports, in MiB, and ours over PyTorch's."""
    words = [str(value) for value in size]
    ours = peak_mib("-c", OURS + OUR_STEPS, *words) - imports_mib(OURS)
    orders = [peak_mib("-c", TORCH + TORCH_STEPS, *words, channels_last) for channels_last in "01"]
    theirs = min(orders) - imports_mib(TORCH)
    return {"ours_mib": ours, "torch_mib": theirs, "memory_ratio": ours / theirs}


def main() -> None:
    """Print the figures, as text, as one JSON object, or as a table of JSON objects."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.residual_step", description="Time a step, also in PyTorch.")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--table", action="store_true", help="print a JSON object for each of several sizes, with fewer rounds")
    for name, default in Size()._asdict().items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"(default {default})")
    given = parser.parse_args()
    size = Size(given.depth, given.width, given.batch)
    with errors_as_sentences():
        for each in TABLE if given.table else [size]:
            rounds = TABLE_ROUNDS if given.table else ROUNDS
            figures = each._asdict() | measure(each, rounds) | measure_memory(each)
            if given.json or given.table:
                print(json.dumps(figures), flush=True)
                continue
            print(f"one SGL-l0 step on WRN-{size.depth}-{size.width}, batch {size.batch}, float32, two cores")
            for key, value in list(figures.items())[len(size) :]:
                print(f"{key.replace('_', ' '):<28} {value:8.2f}")


if __name__ == "__main__":
    main()
