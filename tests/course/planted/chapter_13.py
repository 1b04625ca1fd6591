"""Wrong answers to the tasks of chapter 13: for each check, functions, each with a part of the message that it must get."""

import numpy as np


def thresholds(power=lambda e, every: e // every, start=lambda lam, beta: 2 * lam / beta):
    """An answer in which beta has grown so many times in epoch e."""
    return lambda lam, beta, growth, every, epochs: np.sqrt(
        start(lam, beta) / growth ** power(np.arange(epochs), every).astype(float)
    )


def rows(
    lr_of=lambda u: (1 + np.cos(np.pi * u)) / 2,
    beta_of=lambda u, beta, rise, ramp: beta * rise ** np.maximum((u - ramp) / (1 - ramp), 0),
    tau_of=lambda u, tau, ramp: tau * np.minimum(u / ramp, 1),
):
    """An answer in which one of the three is another."""
    return lambda u, beta, rise, tau, ramp: np.stack([lr_of(u), beta_of(u, beta, rise, ramp), tau_of(u, tau, ramp)])


def late_lr(u, beta, rise, tau, ramp):
    late = np.maximum(u - ramp, 0) / (1 - ramp)
    return np.stack([(1 + np.cos(np.pi * late)) / 2, *rows()(u, beta, rise, tau, ramp)[1:]])


def spring(kept_l1=lambda w, tau: tau * np.sign(w), kept_l0=lambda w, tau: 0 * w, dropped=lambda w, tau: w):
    """An answer with another distance of w from v somewhere."""

    def pull(w, tau, beta, r):
        kept = kept_l1(w, tau) if r == "l1" else kept_l0(w, tau)
        return (beta * np.where(np.abs(w) > tau, kept, dropped(w, tau))).astype(w.dtype)

    return pull


def in_place(w, tau, beta, r):
    w -= np.clip(w, -tau, tau)
    return w


def sparse_enough(left, of, at_least):
    return 100 * (1 - left.mean(axis=1) / of) >= at_least


def chosen(score, enough=sparse_enough):
    """An answer that chooses by another score, or among others."""
    return lambda heldout, test, left, of, at_least: int(
        np.argmin(np.where(enough(left, of, at_least), score(heldout, test), np.inf))
    )


def mean_heldout(heldout, test):
    return heldout.mean(axis=1)


def best_run(heldout, test, left, of, at_least):
    """np.argmin over settings and seeds."""
    return int(np.where(sparse_enough(left, of, at_least)[:, None], heldout, np.inf).argmin())


PLANTED = {
    "13.paper_thresholds": [
        (thresholds(lambda e, every: 0 * e), "never grows"),
        (thresholds(lambda e, every: e), "grows in every epoch"),
        (thresholds(lambda e, every: (e + 1) // every), "an epoch too early"),
        (thresholds(lambda e, every: e // every + 1), "before the first epoch"),
        (thresholds(lambda e, every: e / every), "in stairs"),
        (thresholds(lambda e, every: -(e // every)), "the wrong way"),
        (thresholds(lambda e, every: 2 * (e // every)), "falls by growth"),
        (
            lambda lam, beta, growth, every, epochs: np.sqrt(
                2 * lam / (beta + beta * (growth - 1) * (np.arange(epochs) // every))
            ),
            "adds the same",
        ),
        (lambda lam, beta, growth, every, epochs: lam / (beta * growth ** (np.arange(epochs) // every)), "l1's threshold"),
        (thresholds(start=lambda lam, beta: lam / beta), "a factor of 2"),
        (
            lambda lam, beta, growth, every, epochs: np.sqrt(2 * lam * beta * growth ** (np.arange(epochs) // every)),
            "beta multiplies lam",
        ),
        (lambda lam, beta, growth, every, epochs: np.sqrt(2 * lam / beta), "an array is wanted"),
        (
            lambda lam, beta, growth, every, epochs: np.sqrt(2 * lam / beta / growth ** np.arange(-(-epochs // every))),
            "the shape",
        ),
        (
            lambda lam, beta, growth, every, epochs: np.sqrt(2 * lam / beta) / growth ** (np.arange(epochs) // every) ** 0.5,
            "entries differ",
        ),
        (thresholds(lambda e, every: (e + every - 1) // every), "have company"),
        (lambda lam, beta, growth, every, epochs: thresholds()(lam, beta, growth, every, epochs) ** 2, "a root is missing"),
        (lambda *given: np.sqrt(2) * thresholds()(*given), "the 2 belongs under"),
        (lambda lam, beta, growth, every, epochs: beta * growth ** (np.arange(epochs) // every), "that is beta in each"),
    ],
    "13.continuation": [
        (rows(tau_of=lambda u, tau, ramp: tau * u / ramp), "goes on climbing"),
        (rows(tau_of=lambda u, tau, ramp: tau * u), "climbs through the whole run"),
        (rows(tau_of=lambda u, tau, ramp: tau * np.ones_like(u)), "its end from the start"),
        (rows(tau_of=lambda u, tau, ramp: np.minimum(u / ramp, 1)), "forgets tau"),
        (rows(beta_of=lambda u, beta, rise, ramp: beta * rise**u), "rises from the start"),
        (rows(beta_of=lambda u, beta, rise, ramp: beta * rise ** ((u - ramp) / (1 - ramp))), "below its start"),
        (rows(beta_of=lambda u, beta, rise, ramp: beta * rise ** np.maximum(u - ramp, 0)), "does not get there"),
        (
            rows(beta_of=lambda u, beta, rise, ramp: beta + beta * (rise - 1) * np.maximum(u - ramp, 0) / (1 - ramp)),
            "equal sums",
        ),
        (
            rows(beta_of=lambda u, beta, rise, ramp: beta * (rise / beta) ** np.maximum((u - ramp) / (1 - ramp), 0)),
            "ends at rise:",
        ),
        (rows(beta_of=lambda u, beta, rise, ramp: rise ** np.maximum((u - ramp) / (1 - ramp), 0)), "forgets its start"),
        (rows(beta_of=lambda u, beta, rise, ramp: beta * np.where(u > ramp, rise, 1)), "jumps"),
        (rows(lr_of=lambda u: np.cos(np.pi * u)), "below zero"),
        (rows(lr_of=lambda u: 1 + np.cos(np.pi * u)), "at twice"),
        (rows(lr_of=lambda u: (1 + np.cos(2 * np.pi * u)) / 2), "comes back"),
        (rows(lr_of=lambda u: np.cos(np.pi * u / 2)), "a quarter of a turn"),
        (rows(lr_of=lambda u: (1 - np.cos(np.pi * u)) / 2), "learning rate climbs"),
        (rows(lr_of=lambda u: 1 - u), "a straight line"),
        (rows(lr_of=lambda u: (1 + np.cos(180 * u)) / 2), "degrees"),
        (lambda *given: rows()(*given)[::-1], "another order"),
        (lambda *given: rows()(*given).T, "axes in their order"),
        (lambda u, beta, rise, tau, ramp: [u, beta, tau], "an array is wanted"),
        (rows(beta_of=lambda u, beta, rise, ramp: np.full_like(u, beta)), "your beta never rises"),
        (rows(tau_of=lambda u, tau, ramp: tau * u / ramp * (u <= ramp)), "falls back to 0"),
        (late_lr, "only after the ramp"),
        (lambda *given: rows()(*given)[[0, 2, 1]], "beta and the threshold have changed"),
    ],
    "13.spring_pull": [
        (spring(kept_l0=lambda w, tau: tau * np.sign(w)), "with l0 you pull"),
        (spring(kept_l1=lambda w, tau: 0 * w), "does not act on what is kept"),
        (spring(dropped=lambda w, tau: tau * np.sign(w)), "however small"),
        (spring(dropped=lambda w, tau: 0 * w), "tied to that"),
        (lambda *given: -spring()(*given), "from w to v"),
        (lambda w, tau, beta, r: spring()(w, tau, 1.0, r), "how stiff"),
        (lambda *given: spring()(*given) / 2, "half of it"),
        (lambda *given: np.abs(spring()(*given)), "sign is lost"),
        (lambda w, tau, beta, r: w - spring()(w, tau, 1.0, r), "you return v"),
        (lambda w, tau, beta, r: spring()(w, np.sqrt(2 * tau) if r == "l0" else tau, beta, r), "is a price in yours"),
        (lambda w, tau, beta, r: beta * (np.clip(w, -tau, tau) if r == "l1" else np.where(np.abs(w) < tau, w, 0)), "has a tie"),
        (lambda *given: spring()(*given).astype(np.float64), "dtype of the argument"),
        (lambda *given: spring()(*given) + 1e-9, "almost zero"),
        (in_place, "writes into its argument"),
        (lambda w, tau, beta, r: spring()(w, tau, beta, {"l1": "l0", "l0": "l1"}[r]), "are exchanged"),
        (lambda w, tau, beta, r: beta * w, "as if v were 0"),
        (lambda w, tau, beta, r: spring()(w, tau, 1 / beta, r), "you divide by beta"),
    ],
    "13.best_setting": [
        (chosen(lambda heldout, test: test.mean(axis=1)), "you chose by the test error"),
        (chosen(lambda heldout, test: (heldout + test).mean(axis=1)), "by both errors"),
        (chosen(lambda heldout, test: heldout.min(axis=1)), "luckiest"),
        (chosen(lambda heldout, test: heldout.max(axis=1)), "worst seeds"),
        (chosen(mean_heldout, lambda left, of, at_least: left.mean(axis=1) > 0), "least error of all"),
        (chosen(mean_heldout, lambda left, of, at_least: 1 - left.mean(axis=1) / of >= at_least), "no setting is ever"),
        (chosen(mean_heldout, lambda left, of, at_least: 100 * left.mean(axis=1) / of >= at_least), "left counts"),
        (chosen(mean_heldout, lambda left, of, at_least: 100 * (1 - left.mean(axis=1) / of) > at_least), "exactly at_least"),
        (lambda heldout, test, left, of, at_least: int(left.mean(axis=1).argmin()), "the sparsest"),
        (
            lambda heldout, test, left, of, at_least: int(heldout.mean(axis=1)[sparse_enough(left, of, at_least)].argmin()),
            "your index counts",
        ),
        (
            lambda heldout, test, left, of, at_least: heldout.mean(axis=1)[sparse_enough(left, of, at_least)].min(),
            "that is the error",
        ),
        (lambda heldout, test, left, of, at_least: heldout.mean(axis=1), "one number is wanted"),
        (chosen(lambda heldout, test: np.median(heldout, axis=1)), "by their medians"),
        (
            chosen(mean_heldout, lambda left, of, at_least: 100 * (1 - left.max(axis=1) / of) >= at_least),
            "enough zeros in every run",
        ),
        (chosen(lambda heldout, test: -heldout.mean(axis=1)), "the largest error"),
        (best_run, "of a single run"),
    ],
}
