"""The solver protocol: whole, block by block and on several ranks the two steps are the same; and another solver may train too.

The other solver is `Masked`: gradient descent on half of the weights, drawn at random, the others 0. minisgl does not know it.
"""

import sys
from collections.abc import Iterable
from copy import copy
from pathlib import Path

import numpy as np
import pytest
from support.trees import tree

from minisgl.config import changed
from minisgl.data.mnist import Digits
from minisgl.experiments import preset
from minisgl.models import lenet5
from minisgl.nn import Block, Flatten, Linear, Network
from minisgl.nn.optimizers import SGD
from minisgl.penalties import L0, GroupLasso
from minisgl.solver.blocks import trained_blocks
from minisgl.solver.group_scales import GroupScales
from minisgl.solver.protocol import Solver, moved_optimizer
from minisgl.solver.refit import Refit
from minisgl.solver.schedules import StepSettings
from minisgl.solver.splitting import LayerPenalty, Splitting
from minisgl.training import checkpoint
from minisgl.training.checkpoint import Position
from minisgl.training.processes import ProcessShards, shareable, training_shards
from minisgl.training.setup import make_splitting
from minisgl.training.shards import Shards

UNITS = (4, 6, 40, 10)


class Masked:
    """A solver that minisgl does not know."""

    splits = False

    def __init__(self, network: Network) -> None:
        self.network, self.optimizer, self.v = network, SGD(network.flat, 0.9), network.weights
        self.blocks = trained_blocks(network)
        self.mask = np.ones_like(network.flat)  # (size,)

    def start(self, settings: StepSettings) -> None:
        self.mask[: len(self.v)] = np.random.default_rng(1).random(len(self.v)) < 0.5
        self.network.flat[...] *= self.mask

    def prepare(self, rank: int = 0, ranks: int = 1) -> None:
        pass

    def update(self, blocks: Iterable[Block], gradient: np.ndarray, settings: StepSettings) -> None:
        self.optimizer.advance()
        for block in blocks:
            gradient[block.part] *= self.mask[block.part]
            self.optimizer.update(self.network.flat, gradient, settings.lr, block.part)

    def finish(self, settings: StepSettings) -> None:
        pass

    def thresholds(self, settings: StepSettings) -> None:
        pass

    def arrays(self) -> dict[str, np.ndarray]:
        return {"parameters": self.network.flat, "mask": self.mask, **self.optimizer.state}

    def moved(self, put) -> "Masked":
        other = copy(self)
        other.network = self.network.with_flat(put(self.network.flat))
        other.v, other.mask = other.network.weights, put(self.mask)
        other.optimizer = moved_optimizer(self.optimizer, put)
        return other

    def reported(self, which: str) -> Network:
        return self.network.with_weights(self.v)


def masked() -> Masked:
    return Masked(lenet5(np.random.default_rng(0), units=UNITS))


def steps(run: Shards, solver: Solver, digits: Digits) -> None:
    """Three steps, the last on a batch of seven."""
    for part in (slice(0, 20), slice(20, 40), slice(40, 47)):
        run.step(solver, StepSettings(0.05), digits.images[part], digits.labels[part])


def contents(solver: Solver) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in solver.arrays().items()}


# ---- another solver


def test_another_solver_trains_on_one_and_on_several_ranks_to_the_same_bytes(digits: tuple[Digits, Digits]) -> None:
    results = []
    for threads in (1, 2, 3):
        solver = shareable(masked(), 3, threads)
        with training_shards(3, threads, [solver], 20) as run:
            assert isinstance(run, ProcessShards) == (threads > 1 and sys.platform == "linux")
            solver.start(StepSettings(0.05))  # after the fork: the mask is in an array, so that all ranks see it
            steps(run, solver, digits[0])
        results.append(contents(solver))
        assert (solver.v[solver.mask[: len(solver.v)] == 0] == 0).all()
        assert np.count_nonzero(solver.v) > 0.4 * len(solver.v)
    assert results[0] == results[1] == results[2]
    assert results[0] != contents(masked())


def test_another_solver_is_refitted_and_goes_on_from_a_checkpoint(digits: tuple[Digits, Digits], tmp_path: Path) -> None:
    """The refit takes any solver: half of what the mask leaves is set to 0, the rest is trained, and interrupted in between."""
    solver = shareable(masked(), 2, 2)
    refit = Refit(solver, 0.75)
    with training_shards(2, 2, [solver, refit], 20) as run:
        solver.start(StepSettings(0.05))
        steps(run, solver, digits[0])
        refit.start()
        steps(run, refit, digits[0])
        checkpoint.save(tmp_path, solver, Position(), {})
        steps(run, refit, digits[0])
    assert np.count_nonzero(refit.v) == pytest.approx(0.25 * len(refit.v), abs=1)

    other = masked()
    checkpoint.load(tmp_path, other)
    with training_shards(2, 1, [again := Refit(other, 0.75)], 20) as run:
        steps(run, again, digits[0])
    assert contents(other) == contents(solver)
    assert other.optimizer.steps == solver.optimizer.steps == 9


# ---- splitting, whole and block by block


@pytest.mark.parametrize("penalty", ["none", "l0", "l1-l2", "group-l0"])
def test_the_two_steps_and_the_protocol_give_the_same_bytes(penalty: str) -> None:
    config = changed(preset(), {"penalty": penalty})
    one, other = (make_splitting(config, lenet5(np.random.default_rng(0), units=UNITS)) for _ in range(2))
    thresholds = dict.fromkeys(one.network.layout.weights, 0.05)
    rng = np.random.default_rng(2)
    one.v_step(0.3, thresholds)
    other.start(StepSettings(1e-3, 0.3, thresholds))
    for _ in range(3):
        gradient = rng.standard_normal(one.network.flat.size).astype(np.float32)
        one.w_step(gradient.copy(), 1e-3, 0.3)
        one.v_step(0.3, thresholds)
        other.prepare()
        other.update(reversed(other.blocks), gradient, StepSettings(1e-3, 0.3, thresholds))  # in any order
        other.finish(StepSettings(1e-3, 0.3, thresholds))
    assert contents(one) == contents(other)


def test_only_the_blocks_that_are_given_are_updated() -> None:
    network = lenet5(np.random.default_rng(0))
    splitting = Splitting(network, SGD(network.flat), {name: LayerPenalty(sparse=L0(1e-3)) for name in network.layout.weights})
    before, v = network.flat.copy(), splitting.v.copy()
    mine = splitting.blocks[1::2]
    splitting.update(mine, np.ones_like(network.flat), StepSettings(0.1, 0.02))
    moved = np.zeros(network.flat.size, bool)
    for block in mine:
        moved[block.part] = True
    np.testing.assert_array_equal(network.flat != before, moved)
    assert (splitting.v[~moved[: len(v)]] == v[~moved[: len(v)]]).all()


@pytest.mark.parametrize("make", [lambda: lenet5(np.random.default_rng(0)), tree], ids=["lenet5", "tree"])
def test_blocks_cover_every_trained_number_once_and_no_buffer(make) -> None:
    network = make()
    times = np.zeros(network.flat.size, int)
    for block in trained_blocks(network):
        times[block.part] += 1
    n = network.layout.n_trained
    assert set(times[:n]) == {1}
    assert not times[n:].any()


def test_a_tree_with_buffers_trains_to_the_same_bytes_on_every_number_of_ranks() -> None:
    rng, results = np.random.default_rng(3), []
    images, labels = rng.random((20, 2, 6, 6)), rng.integers(0, 3, 20)
    for threads in (1, 2, 3):
        network = tree()
        each = {name: LayerPenalty(GroupLasso(0.01, slot.unit_axis), L0(1e-3)) for name, slot in network.layout.weights.items()}
        splitting = shareable(Splitting(network, SGD(network.flat, 0.9), each), 3, threads)
        with training_shards(3, threads, [splitting], 20) as run:
            for _ in range(3):
                run.step(splitting, StepSettings(0.05, 0.02), images, labels)
        n = network.layout.n_trained
        assert (splitting.network.flat[:n] != tree().flat[:n]).all()
        assert (splitting.network.flat[n:] != tree().flat[n:]).all()  # the running means
        results.append(contents(splitting))
    assert results[0] == results[1] == results[2]


# ---- group scales


@pytest.mark.parametrize("groups", [0, 1, -1, (0, 1), (1, 0), ()], ids=str)
@pytest.mark.parametrize("shape", [(6, 5), (1, 7), (7, 1), (1, 1)], ids=str)
@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_group_scales_of_all_ranks_are_those_of_the_penalty(groups, shape: tuple[int, int], ranks: int) -> None:
    rows, columns = shape
    flat = np.random.default_rng(0).standard_normal(rows * columns + rows)
    network = Network({"flatten": Flatten(), "fc": Linear(columns, rows)}, (columns, 1, 1), flat)
    slot, group = network.layout.weights["fc"], GroupLasso(0.3, groups)
    scales = GroupScales.of(slot, group, flat)
    flat[:columns] = 0  # a zero group, where rows are the groups
    for rank in range(ranks):
        scales.update(flat, rank, ranks)
    w = slot.view(flat)
    np.testing.assert_array_equal(scales.values, group.scale(w))
    for block in slot.blocks(2 * columns):
        np.testing.assert_array_equal(w[block.rows] * scales.for_block(block), group.subgradient(w)[block.rows])
