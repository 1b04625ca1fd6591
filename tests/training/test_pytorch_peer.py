"""The benchmarks compare like with like: their peers in PyTorch take the steps that minisgl takes.

Each starts from minisgl's parameters and sees the same batches. W, V and the running statistics are compared after three steps,
with a penalty, a coupling and a decay that are large enough to be seen. There is one shard: with two, batch normalisation has
statistics of its own in each.
"""

import numpy as np
import pytest

from minisgl.experiments import preset
from minisgl.models import lenet5
from minisgl.solver.schedules import StepSettings
from minisgl.training.setup import make_splitting
from minisgl.training.shards import running_shards

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
peers = pytest.importorskip("benchmarks.peer", reason="benchmarks/ is not beside tests/")
residual_step = pytest.importorskip("benchmarks.residual_step", reason="benchmarks/ is not beside tests/")

STEPS, N, BETA, LAM, THRESHOLD = 3, 6, 0.2, 0.01, 0.02
orders = pytest.mark.parametrize("channels_last", [False, True], ids=["contiguous", "channels_last"])


def take_steps(splitting, peer, lr: float) -> None:
    """Take the same steps with both, on random images."""
    network, rng = splitting.network, np.random.default_rng(1)
    settings = StepSettings(lr, BETA, dict.fromkeys(network.layout.weights, THRESHOLD))
    with running_shards(1, 1) as shards:
        for _ in range(STEPS):
            images = rng.random((N, *network.input_shape)).astype(network.flat.dtype)
            labels = rng.integers(0, 10, N)
            shards.step(splitting, settings, images, labels)
            x = torch.from_numpy(images).contiguous(memory_format=peer.memory_format)
            peer.step(x, torch.from_numpy(labels), BETA, THRESHOLD)


def compare(peer, splitting, name_of, tolerance: float) -> None:
    """Compare W with everything beside it, then V where r acts. name_of: from minisgl's names of parameters to PyTorch's."""
    flat = splitting.network.flat
    for slot in splitting.network.layout.slots:
        found = peer.network.state_dict()[name_of(slot.name)].numpy()
        np.testing.assert_allclose(found, slot.view(flat), rtol=0, atol=tolerance, err_msg=slot.name)
    with peer.using(peer.v):
        for slot in splitting.groups:
            found, v = peer.network.state_dict()[name_of(slot.name)].numpy(), slot.view(splitting.v)
            assert 0.05 < (v == 0).mean() < 0.95
            clear = np.abs(np.abs(slot.view(flat)) - THRESHOLD) > tolerance  # rounding does not decide whether it is zero
            np.testing.assert_allclose(found[clear], v[clear], rtol=0, atol=tolerance, err_msg=slot.name)


@orders
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-11), (np.float32, 1e-4)])
def test_a_wide_residual_network_takes_pytorchs_steps(dtype, tolerance: float, channels_last: bool) -> None:
    options = {"depth": 10, "width": 1, "dropout": 0.0, "lam": LAM, "beta": BETA, "weight_decay": 0.1, "lr": 0.05}
    config = preset("paper", "cifar10", **options)
    network = residual_step.initialized(config)
    network = network.with_flat(network.flat.astype(dtype))
    peer, splitting = residual_step.peer_of(network, config, channels_last), make_splitting(config, network)
    assert len(splitting.groups) == 3
    take_steps(splitting, peer, config.lr)
    compare(peer, splitting, str, tolerance)


@orders
def test_lenet5_takes_pytorchs_steps(channels_last: bool) -> None:
    config = preset("quick", lam=LAM)
    network = lenet5(np.random.default_rng(0))
    peer, splitting = peers.lenet5_peer(LAM, config.lr, channels_last=channels_last), make_splitting(config, network)
    names = dict(zip([slot.name for slot in network.layout.slots], peer.network.state_dict(), strict=True))
    arrays = {names[slot.name]: torch.from_numpy(slot.view(network.flat).copy()) for slot in network.layout.slots}
    peer.network.load_state_dict(arrays)
    peer.v.copy_(peer.flat[: peer.n_sparse])
    take_steps(splitting, peer, config.lr)
    compare(peer, splitting, names.__getitem__, 1e-4)
