"""Every penalty by its name, in both regimes: a short training leaves zeros in V, and the signs of W."""

from pathlib import Path

import numpy as np
import pytest

from minisgl.config import changed
from minisgl.data.mnist import Digits
from minisgl.experiments import preset
from minisgl.models import lenet5
from minisgl.penalties.names import ALL
from minisgl.training.directory import RunDirectory
from minisgl.training.loop import Training
from minisgl.training.setup import make_splitting
from minisgl.training.shards import running_shards


@pytest.mark.parametrize("regime", ["quick", "paper"])
@pytest.mark.parametrize("name", [name for name in ALL if name not in ("none", "group-lasso")])
def test_every_penalty_trains_and_thresholds(name: str, regime: str, digits: tuple[Digits, Digits], tmp_path: Path) -> None:
    config = preset(regime, penalty=name, epochs=2)
    if name == "group-l0" and regime == "quick":
        config = changed(config, {"threshold": (0.05,)})  # the length, per root weight, that fc1's groups start with
    split = make_splitting(config, lenet5(np.random.default_rng(0)))
    training = Training(config, split, digits[0][:300])
    with running_shards(2, 2) as shards:
        training.run(shards, RunDirectory.create(tmp_path / "run", ""), lambda tick: None, lambda record: None)
    w, v = split.network.weights, split.v
    assert np.isfinite(v).all()
    assert 0 < np.count_nonzero(v) < np.count_nonzero(w)
    assert np.all((v == 0) | (np.sign(v) == np.sign(w)))
