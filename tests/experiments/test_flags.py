"""Every option with every regime, optimiser and kind of penalty: used, or refused with these words."""

import re
from dataclasses import fields, replace
from functools import cache
from itertools import product

import pytest
from support.commands import parsed

import minisgl
from minisgl import train
from minisgl.config import DecoupledConfig, TrainConfig, as_flags, changed, from_flags
from minisgl.errors import MinisglError
from minisgl.experiments import EXPERIMENTS, PRESETS, configured
from minisgl.flags import Flags, option
from minisgl.methods import METHODS
from minisgl.ranges import check

# A value of each option, as on the command line, that no preset has.
VALUES = {
    "experiment": "mnist-lenet5",
    "network": "mlp:build",
    "depth": None,  # of other experiments: see test_cifar_training.py
    "width": None,
    "dropout": None,
    "stride_on": None,
    "penalty": None,  # a column of the table
    "penalty_option": "a=2",
    "v_group": "l0",
    "decoupled": None,  # a column
    "method": None,  # see "methods" below
    "ramp_from": "0.2",
    "sparsity_of": "layer",
    "densities": "uniform",
    "regrow_every": "30",
    "regrow_share": "0.4",
    "regrow_until": "0.6",
    "multiplier_every": "7",
    "admm_step": "l1",
    "exclusive_lam": "0.01",
    "gates": "units",
    "gate_lr": "0.5",
    "flops": "200000",
    "preset": None,  # a column
    "backend": "numpy",
    "threads": "3",
    "shards": "4",
    "epochs": "77",
    "batch_size": "50",
    "shift": "2",
    "flip": "",
    "optimizer": None,  # a column
    "lr": "0.003",
    "lr_drops": "3 5",
    "lr_factor": "0.2",
    "momentum": "0.8",
    "nesterov": "",
    "weight_decay": "5e-4",
    "label_smoothing": "0.1",
    "lam": "1e-7",
    "group_lam": "2e-7",
    "beta": "0.3",
    "beta_growth": "1.5",
    "beta_every": "7",
    "beta_rise": "9",
    "threshold": "0.07",
    "sparsity": "0.8",
    "sparse_layers": "fc1",
    "group_layers": "sparse",
    "ramp": "0.9",
    "hold": "0.2",
    "warmup": "0.3",
    "refit": "1",
    "prune": "0.5",
    "prune_layers": None,  # these two need others: see test_refit.py
    "refit_lr": None,
    "holdout": "10",
    "seed": "5",
    "out": "somewhere",
    "data": "digits",
    "init": "start.safetensors",
    "checkpoint_every": "6",
    "resume": None,  # no part of a configuration
}
REGIMES = {
    "continuation": "--preset quick",
    "paper": "--preset paper",
    "paper, threshold": "--preset paper --threshold 0.2",
    "decoupled": "--decoupled",
    "paper, decoupled": "--preset paper --decoupled",
}
OPTIMIZERS = {"adam": "", "sgd": "--optimizer sgd"}
PENALTIES = {
    "r": "--penalty l0",
    "r, own group weight": "--penalty l0 --group-lam 3e-7",
    "r, lam 0": "--penalty l0 --lam 0",
    "group-lasso": "--penalty group-lasso",
    "group-lasso, own weight": "--penalty group-lasso --group-lam 3e-7",
    "none": "--penalty none",
}
NO_R = {
    "r, lam 0": "needs an r with lam > 0, and --lam is 0",
    "group-lasso": "needs an r with lam > 0, and penalty group-lasso has no r",
    "group-lasso, own weight": "needs an r with lam > 0, and penalty group-lasso has no r",
    "none": "needs an r with lam > 0, and penalty none has no r",
}
WEIGHT = "is the weight of a penalty, and the penalty is none"
OF_CONTINUATION = {
    "paper": {
        "sparsity": "--sparsity is an option of continuation, and preset paper takes its threshold from lam and beta",
        "ramp": "--ramp is an option of continuation, and preset paper has no thresholds to ramp",
        "hold": "--hold is an option of continuation, and preset paper lowers the learning rate by --lr-drops",
        "warmup": "--warmup is an option of continuation, and preset paper begins with the full learning rate",
        "beta_rise": "--beta-rise is an option of continuation, and preset paper raises beta by --beta-growth",
    }
}
OF_THE_PAPER = {
    "continuation": {
        "lr_drops": "--lr-drops is an option of the paper's regime, and preset quick lowers the learning rate along a cosine",
        "lr_factor": "--lr-factor is an option of the paper's regime, and preset quick lowers the learning rate along a cosine",
        "beta_growth": "--beta-growth is an option of the paper's regime, and preset quick raises beta by --beta-rise",
        "beta_every": "--beta-every is an option of the paper's regime, and preset quick raises beta by --beta-rise",
    },
    "paper, threshold": {
        "sparsity": "--threshold and --sparsity both decide which weights of V are zero: give one of them",
        "lr_drops": "--threshold chooses continuation, which lowers the learning rate along a cosine",
        "lr_factor": "--threshold chooses continuation, which lowers the learning rate along a cosine",
        "beta_growth": "--threshold chooses continuation, which raises beta by --beta-rise",
        "beta_every": "--threshold chooses continuation, which raises beta by --beta-rise",
    },
}
ON_W = "is for splitting, and with --decoupled the penalties act on W with their own weights"
OF_THE_PAPER["decoupled"] = dict.fromkeys(("threshold", "sparsity", "ramp", "beta", "beta_rise", "v_group"), ON_W) | {
    "lr_drops": "--lr-drops is an option of the paper's regime, and --decoupled lowers the learning rate along a cosine",
    "lr_factor": "--lr-factor is an option of the paper's regime, and --decoupled lowers the learning rate along a cosine",
    "beta_growth": "--beta-growth is an option of the paper's regime, and --decoupled raises beta by --beta-rise",
    "beta_every": "--beta-every is an option of the paper's regime, and --decoupled raises beta by --beta-rise",
}
OF_THE_PAPER["paper, decoupled"] = OF_THE_PAPER["decoupled"]
BY_REGIME = {regime: OF_CONTINUATION.get(regime, {}) | OF_THE_PAPER.get(regime, {}) for regime in REGIMES}
BY_OPTIMIZER = {
    "adam": dict.fromkeys(("momentum", "nesterov"), "is an option of sgd, and the optimizer is adam: give --optimizer sgd too"),
    "sgd": {},
}
OF_R = (
    "threshold",
    "sparsity",
    "ramp",
    "beta",
    "beta_rise",
    "beta_growth",
    "beta_every",
    "sparse_layers",
    "v_group",
    "penalty_option",
)
BY_PENALTY = {penalty: dict.fromkeys(OF_R, NO_R[penalty]) if penalty in NO_R else {} for penalty in PENALTIES}
for penalty in ("none", "r, lam 0"):
    BY_PENALTY[penalty]["group_layers"] = "--group-layers sparse is for the group lasso, whose weight is 0"
BY_PENALTY["none"] |= {"lam": WEIGHT, "group_lam": WEIGHT, "penalty_option": "penalty none has no options, but got a"}
BY_PENALTY["group-lasso"] |= {"penalty_option": "penalty group-lasso has no options, but got a"}
BY_PENALTY["group-lasso, own weight"] |= {
    "penalty_option": "penalty group-lasso has no options, but got a",
    "lam": "--lam is the weight of r, and penalty group-lasso has no r; its weight is --group-lam, 3e-07",
}
OF_RIVALS = {
    name: f"is for --method {users}, and the method is splitting"
    for name, users in (
        ("ramp_from", "agp"),
        ("sparsity_of", "agp or admm"),
        ("densities", "random, set or rigl"),
        ("regrow_every", "set or rigl"),
        ("regrow_share", "set or rigl"),
        ("regrow_until", "set or rigl"),
        ("multiplier_every", "admm"),
        ("admm_step", "admm"),
        ("exclusive_lam", "cges"),
        ("gates", "hard-concrete"),
        ("gate_lr", "hard-concrete"),
        ("flops", "dense-small"),
    )
}
LAM_CANCELS = "--lam 1e-07 would change no weight: the threshold of l0 is 0.{}, and the group lasso has its own weight, 3e-07"
BY_REGIME_AND_PENALTY = {
    ("continuation", "r, own group weight"): {"lam": LAM_CANCELS.format(1)},
    ("paper, threshold", "r, own group weight"): {"lam": LAM_CANCELS.format(2)},
}
CASES = [
    (name, regime, optimizer, penalty)
    for name, regime, optimizer, penalty in product(VALUES, REGIMES, OPTIMIZERS, PENALTIES)
    if VALUES[name] is not None
    # where the column itself gives the option
    and not (name == "threshold" and regime == "paper, threshold")
    and not (name == "lam" and penalty == "r, lam 0")
    and not (name == "group_lam" and penalty in ("group-lasso, own weight", "r, own group weight"))
    and not (regime == "paper, threshold" and penalty in NO_R)
    and not ("decoupled" in regime and penalty in ("r, lam 0", "none"))  # refused: see "decoupled" below
]


@cache
def parse(words: str) -> Flags:
    return train.parse(words.split())


def test_the_table_has_every_option() -> None:
    assert list(VALUES) == [field.name for field in fields(Flags)]


@pytest.mark.parametrize(("name", "regime", "optimizer", "penalty"), CASES)
def test_an_option_is_used_or_refused(name: str, regime: str, optimizer: str, penalty: str) -> None:
    column = parse(f"{REGIMES[regime]} {OPTIMIZERS[optimizer]} {PENALTIES[penalty]}")
    row = replace(column, **parse(f"{option(name)} {VALUES[name]}").given())
    both = BY_REGIME_AND_PENALTY.get((regime, penalty), {})
    refused_by = (OF_RIVALS, BY_REGIME[regime], BY_OPTIMIZER[optimizer], BY_PENALTY[penalty], both)
    refusals = [by[name] for by in refused_by if name in by]
    if name in ("network",):  # only its name counts until a network is built
        assert configured(row).network == "mlp:build"
    elif refusals:
        with pytest.raises(MinisglError) as refused:
            configured(row)
        assert refusals[0] in str(refused.value)
        assert option(name) in str(refused.value) or name == "penalty_option"
    else:
        before, after = as_flags(configured(column)), as_flags(configured(row))
        differ = {key for key in after if before.get(key) != after[key]}
        if name == "threshold" and regime == "paper":
            assert differ == {"threshold", "ramp", "hold", "warmup", "beta_rise"}  # it is continuation now
        elif name == "sparsity":
            assert differ == {"sparsity", "threshold"}  # in place of the threshold
        else:
            assert differ == ({name} if name not in ("experiment", "backend") else set())


@pytest.mark.parametrize("words", ["--preset paper --penalty none --threshold 0.1", "--lam 0 --preset paper --threshold 0.1"])
def test_a_threshold_without_an_r_is_refused_in_the_papers_preset_too(words: str) -> None:
    with pytest.raises(MinisglError, match=r"--threshold 0\.1 needs an r with lam > 0"):
        parsed(words.split())


def test_the_command_refuses_with_the_same_sentence(command, tmp_path) -> None:
    done = command("minisgl.train", "--preset", "paper", "--ramp", 0.9)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "minisgl: --ramp is an option of continuation, and preset paper has no thresholds to ramp\n"
    assert list(tmp_path.iterdir()) == []


def test_with_a_threshold_the_papers_preset_has_a_ramp() -> None:
    config = parsed(["--preset", "paper", "--threshold", "0.2", "--ramp", "0.9"])
    assert (config.regime.threshold, config.regime.ramp, config.regime.beta) == ((0.2,), 0.9, PRESETS["paper"].regime.beta)
    assert (config.epochs, config.lr) == (200, 1e-3)


@pytest.mark.parametrize(
    "words",
    [
        "--penalty mcp --lam 0.02 --group-lam 2.5e-6 --threshold 0.02",  # a size of weights too
        "--v-group l0 --lam 1e-6 --group-lam 2.5e-6",  # the V-step depends on their ratio
        "--preset sparse --lam 0",  # no r
        "--penalty penalties:Mine --lam 1e-6 --group-lam 0",  # nobody knows
    ],
)
def test_lam_is_used_beside_a_threshold_and_a_group_lam(words: str) -> None:
    assert parsed(words.split()).penalty.lam == float(words.partition("--lam ")[2].split()[0])


def test_a_factor_without_drops_is_refused() -> None:
    with pytest.raises(MinisglError, match=r"--lr-factor 0\.2 needs --lr-drops, and there are none"):
        parsed(["--preset", "paper", "--lr-factor", "0.2", "--lr-drops"])


def test_without_an_r_sparse_layers_may_choose_where_the_group_lasso_acts() -> None:
    words = ["--penalty", "group-lasso", "--sparse-layers", "fc*"]
    assert parsed([*words, "--group-layers", "sparse"]).penalty.sparse_layers == ("fc*",)
    with pytest.raises(MinisglError, match=r"--sparse-layers fc\* needs an r with lam > 0"):
        parsed(words)


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_images_are_mirrored_only_where_the_experiment_says_that_they_may_be(experiment) -> None:
    config = minisgl.preset(flip=True)
    with pytest.raises(MinisglError, match=r"--flip mirrors the images, which .* does not allow"):
        replace(experiment, flips=False).check(config)
    replace(experiment, flips=True).check(config)
    replace(experiment, flips=False).check(minisgl.preset(flip=False))


def test_digits_and_words_are_not_mirrored(command, tmp_path) -> None:
    assert not any(EXPERIMENTS[name].flips for name in ("mnist-lenet5", "shaky-curves"))
    done = command("minisgl.train", "--flip")
    sentence = "--flip mirrors the images, which mnist-lenet5 does not allow: its Experiment has flips=False"
    assert (done.returncode, done.stderr) == (2, f"minisgl: {sentence}\n")
    assert list(tmp_path.iterdir()) == []


def test_a_sparsity_and_a_threshold_each_replace_the_other_of_a_preset(monkeypatch) -> None:
    assert parsed(["--preset", "sparse", "--sparsity", "0.8"]).regime.threshold == ()
    sparse = replace(PRESETS["quick"], regime=replace(PRESETS["quick"].regime, threshold=(), sparsity=0.8))
    monkeypatch.setitem(PRESETS, "by share", sparse)
    assert parsed(["--preset", "by share"]).regime == sparse.regime
    regime = parsed(["--preset", "by share", "--threshold", "0.2"]).regime
    assert (regime.threshold, regime.sparsity) == ((0.2,), None)


def test_with_a_sparsity_lam_cancels_too() -> None:
    with pytest.raises(MinisglError, match=r"--lam 1e-06 would .*: the threshold of l0 follows from --sparsity, 0\.8, and"):
        parsed(["--sparsity", "0.8", "--lam", "1e-6", "--group-lam", "0"])


def test_a_preset_with_a_group_lam_of_its_own_refuses_lam_too() -> None:
    with pytest.raises(
        MinisglError, match=r"--lam 1e-06 would change no weight: the threshold of l0 is 0\.29 0\.37 0\.34 0\.27"
    ):
        parsed(["--preset", "sparse", "--lam", "1e-6"])


@pytest.mark.parametrize("words", ["--threshold None", "--lr-drops=None --preset paper", "--penalty-option None"])
def test_none_is_not_a_value(words: str) -> None:
    with pytest.raises(MinisglError, match="cannot be None: leave the option out"):
        train.parse(words.split())


def test_help_names_every_default_of_every_preset_and_no_other(command) -> None:
    shown = command("minisgl.train", "--help").stdout
    text = " ".join(shown.replace("│", " ").split())
    assert "(default" not in text
    assert "None" not in text
    texts = dict(zip(VALUES, (" ".join(part.split()) for part in _help_by_option(text)), strict=True))
    for name, config in PRESETS.items():
        for key, value in as_flags(config).items():
            if value in (None, [], "none", False) or key == "preset":
                continue
            default = " ".join(f"{v:g}" for v in value) if isinstance(value, list) else value
            default = f"{default:g}" if isinstance(default, float) else str(default)
            assert default in texts[key].partition("Default:")[2], (name, key, default)


def _help_by_option(text: str) -> list[str]:
    starts = [match.start() for name in VALUES if (match := re.search(rf" {option(name)}(,| (?=[A-Z{{]))", text))]
    assert starts == sorted(starts)
    return [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]


# ---- decoupled penalties


@pytest.mark.parametrize("words", ["--penalty none", "--lam 0", "--penalty group-lasso --group-lam 0"])
def test_decoupled_without_a_penalty_is_refused(words: str) -> None:
    with pytest.raises(MinisglError, match="--decoupled needs a penalty with a weight above 0, and there is none"):
        parsed(["--decoupled", *words.split()])


def test_decoupled_is_a_regime_with_a_learning_rate_only() -> None:
    config = parsed(["--decoupled", "--preset", "sparse", "--penalty", "l1", "--warmup", "0.1"])
    assert (config.is_decoupled, config.is_splitting, config.sparsity) == (True, True, None)
    assert config.regime == DecoupledConfig(hold=0.75, warmup=0.1)  # sparse's hold
    check(config)
    assert from_flags(as_flags(config)) == config
    assert parsed(["--no-decoupled"]) == parsed([])
    assert "decoupled" not in as_flags(parsed([]))  # so that a config.json without it can be read
    with pytest.raises(MinisglError, match=r"--hold must be at least 0 and below 1, but is 1\.0"):
        check(parsed(["--decoupled", "--hold", "1"]))


def test_a_rival_is_not_decoupled() -> None:
    with pytest.raises(MinisglError, match="--decoupled is for --method splitting, and the method is agp"):
        parsed(["--decoupled", "--method", "agp", "--sparsity", "0.5"])
    with pytest.raises(MinisglError, match="--decoupled is for --method splitting, and the method is agp"):
        check(replace(parsed(["--method", "agp", "--sparsity", "0.5"]), regime=DecoupledConfig()))


# ---- methods

AT_THE_REFIT = dict.fromkeys(("one-shot", "cges", "hard-concrete", "sparse-vd"), "--refit 1")
RIVALS = dict.fromkeys(("agp", "random", "set", "rigl", "admm"), "") | AT_THE_REFIT | {"dense-small": "--flops 100000"}
SPARSE = tuple(name for name in RIVALS if name != "dense-small")
READ_BY = {
    "sparsity": SPARSE,
    "sparse_layers": SPARSE,
    "ramp_from": ("agp",),
    "sparsity_of": ("agp", "admm"),
    "ramp": ("agp", "admm", "sparse-vd"),
    "beta": ("admm",),
    "beta_rise": ("admm",),
    "lam": ("hard-concrete", "sparse-vd"),
    "group_lam": ("cges",),
    "densities": ("random", "set", "rigl"),
    "regrow_every": ("set", "rigl"),
    "regrow_share": ("set", "rigl"),
    "regrow_until": ("set", "rigl"),
    "multiplier_every": ("admm",),
    "admm_step": ("admm",),
    "exclusive_lam": ("cges",),
    "gates": ("hard-concrete",),
    "gate_lr": ("hard-concrete",),
    "flops": ("dense-small",),
}
OF_SPLITTING = (
    "penalty_option",
    "v_group",
    "group_layers",
    "beta_growth",
    "beta_every",
    "threshold",
    "prune",
)


def rival(method: str, words: str = "") -> TrainConfig:
    share = "--sparsity 0.7" if method in READ_BY["sparsity"] else ""
    config = parsed(f"--method {method} {share} {RIVALS[method]} {words}".split())
    check(config)
    return config


@pytest.mark.parametrize("method", RIVALS)
@pytest.mark.parametrize("name", [name for name, value in VALUES.items() if value is not None])
def test_a_rival_reads_an_option_or_refuses_it(name: str, method: str) -> None:
    words = f"{option(name)} {VALUES[name]}"
    if name in OF_SPLITTING or method not in READ_BY.get(name, RIVALS):
        both = name == "threshold" and method in READ_BY["sparsity"]  # the sparsity is given too
        sentence = "both decide" if both else rf"{option(name)} is for --method .*, and the method is {method}"
        with pytest.raises(MinisglError, match=sentence):
            rival(method, words)
    elif name in ("momentum", "nesterov"):
        assert getattr(rival(method, f"--optimizer sgd {words}").optimizer, name)
    elif name in ("lr_drops", "lr_factor"):
        with pytest.raises(MinisglError, match=f"{option(name)} is an option of the paper's regime"):
            rival(method, words)
    elif name != "flip":  # digits are not mirrored
        before, after = as_flags(rival(method)), as_flags(rival(method, words))
        differ = {key for key in after if before[key] != after[key]}
        assert differ == ({name} if name not in ("experiment", "backend", "refit") else differ & {"refit"})


@pytest.mark.parametrize("method", SPARSE)
def test_a_rival_starts_from_its_preset_without_a_penalty(method: str) -> None:
    for name in ("quick", "sparse", "small"):
        config, start = rival(method, f"--preset {name}"), PRESETS[name]
        assert (config.penalty.penalty, config.penalty.acts_on_v, config.penalty.group_weight) == ("none", False, 0)
        assert (config.refit.prune, config.regime.threshold, config.sparsity) == (0, (), 0.7)
        assert (config.epochs, config.lr, config.data) == (start.epochs, start.lr, start.data)
        assert config.sparsified(["conv1", "fc"]) == ["conv1", "fc"]
    assert rival(method, "--sparse-layers f*").sparsified(["conv1", "fc"]) == ["fc"]
    with pytest.raises(MinisglError, match="--sparse-layers names conv9; the layers are conv1, fc"):
        rival(method, "--sparse-layers conv9").sparsified(["conv1", "fc"])
    curves = parsed(f"--experiment shaky-curves --method {method} --sparsity 0.5 {RIVALS[method]}".split())
    assert curves.sparsified(["conv1", "fc"]) == ["fc"]
    photographs = parsed(["--experiment", "cifar10", "--method", method])
    assert photographs.sparsity == EXPERIMENTS["cifar10"].presets["quick"].sparsity


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--method pruning", "--method must be one of splitting, agp, one-shot, .*, dense-small, but is pruning"),
        ("--method agp", "--method agp needs --sparsity, the share of the weights that are zero in the end"),
        ("--method rigl --refit 1", "--method rigl needs --sparsity"),
        ("--method one-shot --sparsity 0.9", "removes weights when the refit begins, and there is none: give --refit too"),
        (
            "--method agp --preset paper --sparsity 0.9",
            "needs a preset of continuation, such as quick, and preset paper",
        ),
        ("--method agp --penalty l1 --sparsity 0.9", "--penalty is for --method splitting, and the method is agp"),
        ("--method agp --threshold 0.1", "--threshold is for --method splitting, and the method is agp"),
        (
            "--method set --ramp 0.7 --sparsity 0.9",
            "--ramp is for --method splitting, agp, admm or sparse-vd, and the method is set",
        ),
        ("--method agp --sparsity 0.9 --ramp-from 0.5", r"--ramp-from must be at least 0 and below --ramp, 0\.5, but is 0\.5"),
        ("--method agp --sparsity 1", r"--sparsity must be between 0 and 1, but is 1\.0"),
        ("--method set --sparsity 0.9 --regrow-every 0", "--regrow-every must be a whole number >= 1, but is 0"),
        ("--method rigl --sparsity 0.9 --regrow-share 1", r"--regrow-share must be between 0 and 1, but is 1\.0"),
        ("--method rigl --sparsity 0.9 --regrow-until 0", r"--regrow-until must be above 0, up to 1, but is 0\.0"),
        ("--method admm --sparsity 0.9 --multiplier-every -1", "--multiplier-every must be a whole number >= 0, but is -1"),
        ("--method admm --sparsity 0.9 --beta 0", r"--beta must be above 0, since it couples V to W, but is 0\.0"),
        ("--method admm --sparsity 0.9 --threshold 0.1", "--threshold and --sparsity both decide"),
        ("--method cges --sparsity 0.9", "--method cges removes weights when the refit begins, and there is none"),
        ("--method cges --sparsity 0.9 --refit 1 --exclusive-lam -1", r"--exclusive-lam must be 0, or from 1e-30 to 1e\+06"),
        ("--method hard-concrete --gate-lr 0", r"--gate-lr must be a number above 0, up to 1e6, but is 0\.0"),
        ("--method hard-concrete --sparsity 0.9", "removes weights when the refit begins, and there is none: give --refit too"),
        ("--method dense-small", "--method dense-small needs --flops, the most FLOPs of the network for one image"),
        ("--method dense-small --flops 0", "--flops must be a whole number >= 1, but is 0"),
        ("--method dense-small --flops 9 --sparsity 0.9", "--sparsity is for --method .*, and the method is dense-small"),
        ("--densities erk", "--densities is for --method random, set or rigl, and the method is splitting"),
    ],
)
def test_what_a_method_cannot_do_is_refused_in_a_sentence(words: str, sentence: str) -> None:
    with pytest.raises(MinisglError, match=sentence):
        check(parsed(words.split()))


def test_splitting_is_the_default_method_and_a_rival_with_a_penalty_is_refused_from_python_too() -> None:
    assert parsed(["--method", "splitting"]) == parsed([])
    with pytest.raises(MinisglError, match="--method agp has no penalty, and the penalty is l0: it must be none"):
        check(replace(minisgl.preset(sparsity=0.5), method=METHODS["agp"]()))


# ---- the same from Python


def test_python_takes_the_options_by_name_with_the_commands_defaults() -> None:
    assert minisgl.preset() == parsed([])
    assert minisgl.preset("paper", lr_drops=3, data="digits") == parsed(
        ["--preset", "paper", "--lr-drops", "3", "--data", "digits"]
    )
    assert minisgl.preset(threshold=[0.1, 0.2], nesterov=True, optimizer="sgd", lr=1) == parsed(
        ["--threshold", "0.1", "0.2", "--nesterov", "--optimizer", "sgd", "--lr", "1"]
    )
    assert minisgl.preset("quick", "shaky-curves", "l1") == parsed(["--experiment", "shaky-curves", "--penalty", "l1"])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"sparseness": 3}, "there is no option --sparseness"),
        ({"epochs": "many"}, "--epochs must be int, but is 'many'"),
        ({"epochs": 2.5}, r"--epochs must be int, but is 2\.5"),
        ({"threshold": ["much"]}, "--threshold must be float, but is 'much'"),
        ({"optimizer": "lbfgs"}, "--optimizer must be adam or sgd, but is 'lbfgs'"),
        ({"ramp": 0.9, "name": "paper"}, "--ramp is an option of continuation"),
        ({"name": "slow"}, "there is no --preset slow: mnist-lenet5 has quick, paper, sparse, small"),
        ({"experiment": "cifar"}, "mnist-cnn4, cifar10, cifar100, shaky-curves, or module:NAME, but is cifar"),
    ],
)
def test_what_python_cannot_give(options: dict, sentence: str) -> None:
    with pytest.raises(MinisglError, match=sentence):
        minisgl.preset(**options)


@pytest.mark.parametrize("method", METHODS)
def test_a_flat_table_gives_every_method_back(method: str) -> None:
    for old in METHODS:
        config = changed(minisgl.preset(method=old), {"method": method})
        assert config.method == METHODS[method](**{key: getattr(config.method, key) for key in as_flags(config.method)})
        assert from_flags(as_flags(config), "here") == config


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_a_flat_table_gives_the_configuration_back(experiment: str) -> None:
    for name in EXPERIMENTS[experiment].presets:
        config = replace(minisgl.preset(name, experiment, optimizer="sgd", data="."), data=minisgl.preset().data)
        assert from_flags(as_flags(config)) == config
