# %% [markdown]
# # 10 The weakly convex family: when does a prox jump?
#
# *Reading: 25 minutes. Exercises: an evening. Needs chapters [4](04_proximal_operator.ipynb), [5](05_hard_thresholding.ipynb) and
# [6](06_transformed_l1.ipynb).*
#
# Soft thresholding is continuous, hard thresholding jumps, and transformed l1 does one or the other. minisgl has five more penalties of a
# single weight: SCAD, MCP, $\ell_p$, capped l1 and log-sum. We derive the prox of each, and answer one question for all of them.
#
# **Can one number say up to which step a prox is continuous?**

# %% tags=["setup"]
import numpy as np

from minisgl.course import check, limit_blas_threads

limit_blas_threads()

# %%
import matplotlib.pyplot as plt

from drawings import chapter_10 as draw
from minisgl.course.show_code import show_code
from minisgl.penalties import L0, MCP, SCAD, CappedL1, LogSum, Lp, TransformedL1

plt.rcParams["figure.constrained_layout.use"] = True

# %% [markdown]
# ## A picture
#
# Five penalties, all with $\lambda = \tfrac12$, and two steps. In the upper row the step is short, and three of the five curves are continuous. In
# the lower row it is long, and all five jump.

# %%
penalties = {
    "SCAD, a = 3": SCAD(0.5, a=3.0),
    "MCP, gamma = 2": MCP(0.5, gamma=2.0),
    "log-sum, eps = 1": LogSum(0.5, eps=1.0),
    "capped l1, theta = 1": CappedL1(0.5, theta=1.0),
    "lp, p = 1/2": Lp(0.5, p=0.5),
}
short, long = 0.5, 4.0
draw.all_proxes(penalties, (short, long))

# %%
v = np.linspace(0, 4, 40_001)  # (40001,)
for step in (short, long):
    jumps = {name: bool(np.diff(penalty.prox(v, step)).max() > 0.05) for name, penalty in penalties.items()}
    print(
        f"step {step}: " + ", ".join(f"{name.split(',')[0]} {'jumps' if jump else 'does not'}" for name, jump in jumps.items())
    )
    jumping, wanted = [name for name, jump in jumps.items() if jump], list(penalties)[0 if step == long else 3 :]
    assert jumping == wanted, f"the text says that at step {step} these jump: {wanted}; here {jumping} do"

# %% [markdown]
# ## By hand
#
# MCP starts with the slope $\lambda$ of l1, and its slope falls on a straight line to 0 at $\gamma\lambda$:
#
# $$r(x) = \lambda |x| - \frac{x^2}{2\gamma} \;\text{ up to } \gamma\lambda, \qquad \tfrac12 \gamma \lambda^2 \;\text{ beyond}$$
#
# Take $\lambda = 1$, $\gamma = 2$ and $v = 1.5$. The cost is $s\, r(x) + \tfrac12 (x - v)^2$:
#
# | | $r$ | step $s = 1$ | step $s = 4$ |
# |---|---|---|---|
# | $x = 0$ | 0 | 1.125 | **1.125** |
# | $x = 0.5$ | 0.4375 | 0.9375 | 2.25 |
# | $x = 1$ | 0.75 | **0.875** | 3.125 |
# | $x = 1.5$ | 0.9375 | 0.9375 | 3.75 |
#
# For the step 1 there is one valley, at $x = 1$. For the step 4 the middle is a hill: the best is an end.

# %%
x = np.array([0, 0.5, 1, 1.5])  # (4,)
price = MCP(1.0, gamma=2.0).cost(x)  # (4,)
short_step, long_step = price + (x - 1.5) ** 2 / 2, 4 * price + (x - 1.5) ** 2 / 2  # (4,) each
print(f"r {price}\ns = 1: {short_step}\ns = 4: {long_step}")
np.testing.assert_allclose(price, [0, 0.4375, 0.75, 0.9375], err_msg="the table's column of r")
np.testing.assert_allclose(short_step, [1.125, 0.9375, 0.875, 0.9375], err_msg="the table's column of the step 1")
np.testing.assert_allclose(long_step, [1.125, 2.25, 3.125, 3.75], err_msg="the table's column of the step 4")
best = [MCP(1.0, gamma=2.0).prox(np.array([1.5]), step)[0] for step in (1.0, 4.0)]
np.testing.assert_allclose(best, [1, 0], err_msg="of v = 1.5 the step 1 should make 1, and the step 4 should make 0")
lam, gamma, x = 0.7, 3.0, np.array([0.2, -1.5, 2.1, 2.2, 5])  # gamma lam = 2.1
r = np.where(np.abs(x) <= gamma * lam, lam * np.abs(x) - x**2 / (2 * gamma), gamma * lam**2 / 2)  # (5,)
np.testing.assert_allclose(MCP(lam, gamma=gamma).cost(x), r, err_msg="minisgl's MCP should be the formula's, in both pieces")

# %% [markdown]
# ## Weak convexity
#
# A penalty $r$ of one weight is **$\rho$-weakly convex** if $r(x) + \tfrac{\rho}{2} x^2$ is convex: it bends down, but nowhere more than a
# parabola of curvature $\rho$ bends up. The least such $\rho$ is what we are looking for.
#
# **Theorem.** If $r$ is $\rho$-weakly convex and $s \rho < 1$, then the prox has one value for every $v$, and for all $v$, $v'$
#
# $$|\operatorname{prox}(v) - \operatorname{prox}(v')| \;\le\; \frac{|v - v'|}{1 - s\rho}$$
#
# So it is continuous. *Proof.* Let $m = 1 - s\rho > 0$, and sort the cost:
#
# $$f_v(x) = s\, r(x) + \tfrac12 (x - v)^2 = \underbrace{s \big( r(x) + \tfrac{\rho}{2} x^2 \big)}_{\text{convex}} + \tfrac{m}{2} x^2 - v x + \tfrac12 v^2$$
#
# A convex function plus $\tfrac m2 x^2$ has one minimiser, and away from it grows at least like $\tfrac m2$ times the squared distance. With
# $x$ the minimiser for $v$ and $x'$ that for $v'$,
#
# $$f_v(x') - f_v(x) \ge \tfrac m2 (x - x')^2 \qquad\text{and}\qquad f_{v'}(x) - f_{v'}(x') \ge \tfrac m2 (x - x')^2$$
#
# Add both. The prices cancel, and of the squares $(v - v')(x - x')$ is left. So $m (x - x')^2 \le (v - v')(x - x')$. Divide by
# $m\, |x - x'|$. $\square$
#
# **Check** of the sorted cost, of both inequalities, and of their sum, for MCP with $\rho = \tfrac12$ and $s = 1.4$.

# %%
penalty, s, rho = MCP(1.0, gamma=2.0), 1.4, 0.5
v, x = np.random.default_rng(0).uniform(-4, 4, size=(2, 1000))  # each (1000,)


def f(x, v):
    return s * penalty.cost(x) + (x - v) ** 2 / 2


m, at_v = 1 - s * rho, penalty.prox(v, s)  # (1000,)
sorted_cost = s * (penalty.cost(x) + rho / 2 * x**2) + m / 2 * x**2 - v * x + v**2 / 2  # (1000,)
np.testing.assert_allclose(f(x, v), sorted_cost, atol=1e-12, err_msg="the cost, sorted")
growth = np.min(f(x, v) - f(at_v, v) - m / 2 * (x - at_v) ** 2)
assert growth > -1e-9, f"away from the best x the cost should grow by m/2 (x - x')^2; it is {-growth:.2g} short of that"
v2, x, x2 = v[::-1], at_v, at_v[::-1]  # each v has another one beside it, (1000,)
both = f(x2, v) - f(x, v) + f(x, v2) - f(x2, v2)  # (1000,)
np.testing.assert_allclose(both, (v - v2) * (x - x2), atol=1e-12, err_msg="the sum of both inequalities' left sides")

# %% [markdown]
# ## From there on it may jump
#
# Multiply the square out: $f_v(x) = g(x) - v x + \tfrac12 v^2$ with $g(x) = s\, r(x) + \tfrac12 x^2$. The prox looks for the point where a
# straight line of slope $v$, pushed up from below, first touches $g$. When $v$ grows the line rolls along $g$, and jumps over every hollow, as
# a taut string does.

# %%
draw.rolling_line(MCP(1.0, gamma=2.0), steps=(1.0, 2.0, 4.0))

# %% [markdown]
# - $s\rho < 1$: $g$ is curved upwards everywhere. The line touches at every point in turn: no jump.
# - $s\rho = 1$: MCP's $g$ has a straight piece. A line of the same slope touches all of it at once, and $x$ jumps across it. SCAD does the same.
#   Transformed l1 and log-sum do not, since they bend down most at $x = 0$ alone; so they are still continuous here.
# - $s\rho > 1$: $g$ has a hollow, and the line bridges it.
#
# *(Optional) Why there is always a jump if $g$ is not convex.* Suppose the prox is continuous. It is 0 at 0 and grows beyond all bounds, so
# it takes every value $x \ge 0$. Then a line touches $g$ from below at each point, and $g$ is the highest of these lines. The highest of
# straight lines is a convex function.
#
# ## One number for each penalty
#
# For $x > 0$, $r + \tfrac{\rho}{2} x^2$ is convex where $r'' \ge -\rho$. Where the slope of $r$ breaks, it has to break *upwards*, as all do
# at 0, from $-r'(0)$ to $r'(0)$.
#
# | | where $0 < \lvert x \rvert$ bends down | $r''$ there | least $\rho$ |
# |---|---|---|---|
# | l1 | nowhere | 0 | 0 |
# | MCP | up to $\gamma\lambda$ | $-1/\gamma$ | $1/\gamma$ |
# | SCAD | from $\lambda$ to $a\lambda$ | $-1/(a - 1)$ | $1/(a - 1)$ |
# | transformed l1 | everywhere | $-2\lambda a (a+1)/(a + x)^3$ | $2\lambda (a + 1)/a^2$ |
# | log-sum, $\lambda \log(1 + \lvert x \rvert/\epsilon)$ | everywhere | $-\lambda/(\epsilon + x)^2$ | $\lambda/\epsilon^2$ |
# | $\ell_p$, $\lambda \lvert x \rvert^p$ | everywhere | $-\lambda p (1 - p)\, x^{p-2} \to -\infty$ at 0 | none |
# | capped l1, $\lambda \min(\lvert x \rvert, \theta)$ | at $\theta$ its slope falls from $\lambda$ to 0 | at one point | none |
# | l0, $\lambda\,[x \ne 0]$ | it leaps at 0 | at one point | none |
#
# For the last three no $\rho$ is large enough. So $g$ is not convex for any step, and **they jump at every step**. MCP's and SCAD's $\rho$ do not depend
# on $\lambda$.
#
# **Check.** $-\big(r(x - h) - 2 r(x) + r(x + h)\big)/h^2$ is at most $\rho$, and comes as near to it as $h$ is small. For the last three it
# grows without bound.

# %%
lam = 0.7
with_rho = {
    "MCP": (MCP(lam, gamma=2.0), 1 / 2),
    "SCAD": (SCAD(lam, a=3.0), 1 / 2),
    "transformed l1": (TransformedL1(lam, a=1.5), 2 * lam * 2.5 / 1.5**2),
    "log-sum": (LogSum(lam, eps=0.8), lam / 0.8**2),
}
without_rho = {"lp": Lp(lam, p=0.5), "capped l1": CappedL1(lam, theta=1.0), "l0": L0(lam)}


def bends(penalty, x, h):
    """How much the price bends down at x (n,): minus the second difference, (n,)."""
    return (2 * penalty.cost(x) - penalty.cost(x - h) - penalty.cost(x + h)) / h**2


def bends_down(penalty, h):
    """The most that it bends down, over a grid of multiples of h."""
    return np.max(bends(penalty, np.arange(-2000, 2001) * h, h))


for name, (penalty, rho) in with_rho.items():
    found = bends_down(penalty, 1e-3)
    print(f"{name:<15} rho {rho:.4f}, found {found:.4f}")
    assert found < rho + 1e-6, f"the table says that {name} bends down by at most rho = {rho:.4f}; here it does by {found:.4f}"
    assert found > 0.98 * rho, f"the table says that no rho below {rho:.4f} will do for {name}; here {found:.4f} would"
for name, penalty in without_rho.items():
    coarse, fine = bends_down(penalty, 1e-2), bends_down(penalty, 1e-3)
    print(f"{name:<15} no rho: {coarse:.0f} for h = 0.01, {fine:.0f} for h = 0.001")
    assert fine > 5 * coarse, f"the text says that {name} has no bound; here it only grows from {coarse:.1f} to {fine:.1f}"
x = np.array([0.3, 0.9, 1.3, 3.0])  # (4,): SCAD bends from lam = 0.7 to 2.1, MCP up to 1.4
for penalty, curvature in (
    (with_rho["MCP"][0], -1 / 2 * (x < 1.4)),
    (with_rho["SCAD"][0], -1 / 2 * ((x > 0.7) & (x < 2.1))),
    (with_rho["transformed l1"][0], -2 * lam * 1.5 * 2.5 / (1.5 + x) ** 3),
    (with_rho["log-sum"][0], -lam / (0.8 + x) ** 2),
    (without_rho["lp"], -lam * 0.5 * 0.5 * x**-1.5),
):
    found = -bends(penalty, x, 1e-4)  # (4,)
    np.testing.assert_allclose(found, curvature, rtol=1e-4, atol=1e-6, err_msg=f"r'' of {penalty}")
for penalty in (MCP(0.2, gamma=2.0), SCAD(0.2, a=3.0)):
    np.testing.assert_allclose(bends_down(penalty, 1e-3), 1 / 2, rtol=0.02, err_msg=f"{penalty}: rho should not depend on lam")
for name, (penalty, rho) in with_rho.items():  # at s rho = 1
    leap = np.diff(penalty.prox(np.linspace(0, 4, 1_000_001), 1 / rho)).max()
    said = f"at s rho = 1 only MCP and SCAD should jump; {name} moves by {leap:.2g}"
    assert leap > 0.5 if name in ("MCP", "SCAD") else leap < 0.02, said
line = np.linspace(0, 1.4, 8)  # (8,): the piece of MCP up to gamma lam
g = 2 * MCP(lam, gamma=2.0).cost(line) + line**2 / 2  # (8,)
np.testing.assert_allclose(g, 2 * lam * line, atol=1e-12, err_msg="at s = gamma MCP's g should be straight up to gamma lam")

# %% [markdown]
# ## The five proxes
#
# As before let $v \ge 0$ and $x \ge 0$; for negative $v$ everything is mirrored. Write $L = s\lambda$.
#
# **MCP, $s < \gamma$.** In the middle the slope of the cost is $s(\lambda - x/\gamma) + x - v$. It is zero at
#
# $$x = \frac{v - s\lambda}{1 - s/\gamma}$$
#
# It is 0 at $v = s\lambda$, the threshold, and $\gamma\lambda$ at $v = \gamma\lambda$: there the price is constant, and beyond $x = v$. For
# $s \ge \gamma$ the middle is a hill (or flat). Its two ends are compared: $x = 0$ costs $\tfrac12 v^2$, $x = v$ costs
# $\tfrac12 s \gamma\lambda^2$. This is a hard threshold at $\lambda\sqrt{s\gamma}$.
#
# **SCAD, $s < a - 1$.** It is l1 up to $\lambda$, so the prox is soft up to the $v$ with $v - s\lambda = \lambda$, which is $(1 + s)\lambda$. Then the
# slope of $r$ falls from $\lambda$ to 0 at $a\lambda$: $r'(x) = (a\lambda - x)/(a - 1)$. From $s\, r'(x) + x - v = 0$,
#
# $$x = \frac{(a - 1)\, v - s\, a \lambda}{a - 1 - s}$$
#
# and from $v = a\lambda$ on $x = v$. Between $a - 1$ and $a + 1$ the middle is a hill, and soft jumps to $v$ at $\tfrac12(a + 1 + s)\lambda$; from
# $s = a + 1$ on it is a hard threshold at $\lambda\sqrt{s (a + 1)}$.
#
# **Log-sum.** $L/(\epsilon + x) + x - v = 0$, times $\epsilon + x$: $x^2 - (v - \epsilon)\, x + L - \epsilon v = 0$. The larger root,
#
# $$x = \tfrac12 \Big( v - \epsilon + \sqrt{(v + \epsilon)^2 - 4L} \Big)$$
#
# is the valley. For $L \le \epsilon^2$ it begins at 0 when $v = L/\epsilon$, the threshold. For larger $L$ it has to beat $x = 0$: as in
# [chapter 6](06_transformed_l1.ipynb), the threshold is the least $h(x) = \tfrac12 x + L \log(1 + x/\epsilon)/x$.
#
# **Capped l1.** Two candidates: soft, $x = v - L$, if that is at most $\theta$, for the cost $L (v - L) + \tfrac12 L^2 = L v - \tfrac12 L^2$; or $x = v$,
# beyond $\theta$, for $L \theta$. They cost the same at $v = \theta + \tfrac12 L$, where $x$ jumps by $L$. If $L \ge 2\theta$, soft is not
# reached before: the other candidate is 0, and the hard threshold is $\sqrt{2 L \theta}$.
#
# **$\ell_p$.** $h(x) = \tfrac12 x + L x^{p-1}$ goes to infinity at 0, so its lowest point is inside, and there is always a jump. $h'(x) = 0$ at
#
# $$\bar x = \big( 2 L (1 - p) \big)^{1/(2 - p)}, \qquad t = h(\bar x)$$
#
# Above $t$, $x + L p\, x^{p-1} = v$ has to be solved. For $p = \tfrac12$ and $\tfrac23$ there is a closed form (a cubic, a quartic); else Newton's
# method from $x = v$ does it. You work out $t$ in exercise 2.
#
# **Check.** Each formula against the best of 4,001 candidates, and against minisgl.


# %%
def of_mcp(v, s, lam, gamma):
    """The prox of MCP for v >= 0 (n,); the others likewise."""
    if s >= gamma:
        return np.where(v > lam * np.sqrt(s * gamma), v, 0)
    return np.where(v > gamma * lam, v, np.maximum(v - s * lam, 0) / (1 - s / gamma))


def of_scad(v, s, lam, a):
    soft = np.maximum(v - s * lam, 0)  # (n,)
    if s >= a + 1:
        return np.where(v > lam * np.sqrt(s * (a + 1)), v, 0)
    if s >= a - 1:
        return np.where(v > (a + 1 + s) * lam / 2, v, soft)
    rising = v * (a - 1) / (a - 1 - s) - s * lam * a / (a - 1 - s)  # (n,)
    return np.where(v <= (1 + s) * lam, soft, np.where(v <= a * lam, rising, v))


def of_log_sum(v, s, lam, eps):
    L, x = s * lam, np.linspace(1e-6, 8, 100_000)  # (100000,): for the lowest point of h
    t = (x / 2 + L * np.log1p(x / eps) / x).min() if eps < np.sqrt(L) else L / eps
    return np.where(v > t, (v - eps + np.sqrt(np.maximum((v + eps) ** 2 - 4 * L, 0))) / 2, 0)


def of_capped_l1(v, s, lam, theta):
    pull = s * lam  # L
    if pull < 2 * theta:
        return np.where(v > theta + pull / 2, v, np.maximum(v - pull, 0))
    return np.where(v > np.sqrt(2 * pull * theta), v, 0)


def of_lp(v, s, lam, p):
    L = s * lam
    lowest = (2 * L * (1 - p)) ** (1 / (2 - p))
    solution = np.where(v > lowest / 2 + L * lowest ** (p - 1), v, np.nan)  # (n,)
    for _ in range(20):
        solution -= (solution + L * p * solution ** (p - 1) - v) / (1 + L * p * (p - 1) * solution ** (p - 2))
    return np.nan_to_num(solution)


v, candidates = np.linspace(0.003, 3.997, 200), np.arange(4001) / 1000  # (200,), (4001,)
low, above = CappedL1(0.7, 1.0).prox(1.35 + np.array([-1e-9, 1e-9]), 1.0)  # theta + L/2 = 1.35
np.testing.assert_allclose(above - low, 0.7, atol=1e-6, err_msg="capped l1 should jump by L = 0.7")
np.testing.assert_allclose(Lp(2.0, p=0.5).threshold(0.5), 1.5, err_msg="l_p: p = 1/2 and L = 1 should have the threshold 1.5")
for formula, penalty_class, parameter in (
    (of_mcp, MCP, 2.0),
    (of_scad, SCAD, 3.0),
    (of_log_sum, LogSum, 0.8),
    (of_capped_l1, CappedL1, 1.0),
    (of_lp, Lp, 0.5),
    (of_lp, Lp, 0.3),
    (of_lp, Lp, 2 / 3),
):
    penalty = penalty_class(0.7, parameter)
    for s in (0.3, 1.0, 2.5, 5.0):
        x = formula(v, s, 0.7, parameter)  # (200,)
        cost = s * penalty.cost(x) + (x - v) ** 2 / 2  # (200,)
        best = (s * penalty.cost(candidates) + (candidates - v[:, None]) ** 2 / 2).min(axis=1)  # (200,)
        worse = np.max(cost - best)
        assert worse < 1e-9, (
            f"{penalty}, step {s}: no candidate should cost less than the formula; here one does, by {worse:.2g}"
        )
        np.testing.assert_allclose(
            x, penalty.prox(v, s), atol=1e-6, err_msg=f"{penalty}, step {s}: the formula and minisgl's prox"
        )
    print(f"{type(penalty).__name__}: right at four steps")

# %% [markdown]
# ## The code

# %%
show_code(MCP.prox)

# %% [markdown]
# `scaled` is $s\lambda$. `in_blocks` works on pieces that fit into the cache, and `kernel` is the same formula for a GPU. Textbooks have only the
# middle formula, which for $s > \gamma$ is the hill. With `--threshold` a run chooses its own $s$, and it is large: see
# [chapter 12](12_lam_under_adam.ipynb).
#
# ## Experiment: what continuity is worth
#
# A prox that jumps takes a small change of $v$ for a large one. Move each of 20,001 numbers $v$ by 0.001, and measure how far the result moves, as a
# multiple. The theorem's bound is $1/(1 - s\rho)$. Beyond $s\rho = 1$ the multiple is the jump divided by 0.001.

# %%
v, tiny = np.linspace(0, 4, 20_001), 1e-3  # (20001,)
products = np.array([0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.05, 1.2, 1.5, 2.0])  # of s and rho, (11,)
stretch = {}
for name, (penalty, rho) in with_rho.items():
    moved = [np.max(penalty.prox(v + tiny, s) - penalty.prox(v, s)) / tiny for s in products / rho]
    stretch[name] = np.array(moved)  # (11,)
draw.stretches(products, stretch)

# %%
for name, moved in stretch.items():
    below = products < 1
    bound = 1 / (1 - products[below])
    over = np.max(moved[below] - bound)
    assert over < 1e-6, f"the theorem says that {name} stretches by at most 1/(1 - s rho); here it does by {over:.2g} more"
    if name in ("MCP", "SCAD"):
        np.testing.assert_allclose(moved[below], bound, rtol=1e-6, err_msg=f"the text says that {name} reaches the bound")
        least = tiny * moved[products > 1].min()
        assert least > 0.1, (
            f"the text says that {name} jumps beyond s rho = 1; here, at one step, its largest leap is {least:.2g}"
        )
    else:  # the slope at the threshold and beyond for s rho = 1/2, and the jump for 1.05
        penalty, rho = with_rho[name]
        near = penalty.threshold(0.5 / rho) + np.array([0, 1e-6, 1, 1 + 1e-6])  # (4,)
        first, _, later = np.diff(penalty.prox(near, 0.5 / rho)) / 1e-6
        np.testing.assert_allclose(first, 2, rtol=1e-3, err_msg=f"{name} should reach 1/(1 - 1/2) = 2 at the threshold")
        assert later < 1.5, f"the text says that {name} reaches 2 only near the threshold; 1 beyond it has {later:.2f}"
        leap = penalty.prox(np.array([penalty.threshold(1.05 / rho) + 1e-9]), 1.05 / rho)[0]
        assert 0.01 < leap < 0.05, f"the jump of {name} should begin small: at s rho = 1.05 it is {leap:.2g}"
print("none stretches more than the bound allows, and MCP and SCAD reach it")

# %% [markdown]
# MCP and SCAD reach the bound all along their middle piece. The other two reach it only near the threshold, and their jump begins at size 0. A jump
# is not a fault: it leaves no small weights, and the large ones untouched. But near it two runs that differ by rounding give different
# networks, and a weight may flicker between 0 and a large value from step to step.
#
# ## Exercises
#
# In the [exercise notebook](exercises/10_weakly_convex.ipynb), with a check for each.

# %% [markdown] tags=["ex1"]
# **1. MCP.** Write the prox of MCP for a step below $\gamma$, for $v$ of any shape.


# %% tags=["ex1"]
def mcp_prox(v, lam, gamma, step):
    """argmin over x of step r(x) + (x - v)^2/2, entry by entry; r is MCP, 0 < step < gamma."""
    # BEGIN SOLUTION: every entry's best x, without a loop
    shrunk = np.maximum(np.abs(v) - step * lam, 0)
    rising = np.sign(v) * shrunk / (1 - step / gamma)
    return np.where(np.abs(v) <= gamma * lam, rising, v)
    # END SOLUTION


# %% tags=["ex1"]
check("10.mcp_prox", mcp_prox)

# %% [markdown] tags=["ex2"]
# **2. The threshold of $\ell_p$.** With $L = s\lambda$, some $x > 0$ beats 0 exactly if $v > h(x) = \tfrac12 x + L x^{p-1}$. What must $v$ exceed?
# ($p = \tfrac12$ and $L = 1$ give 1.5.)


# %% tags=["ex2"]
def lp_threshold(L, p):
    """The largest v for which the prox of L |x|^p is 0; L > 0, 0 < p < 1."""
    # BEGIN SOLUTION: one number, for every L and p
    landing = (2 * L * (1 - p)) ** (1 / (2 - p))
    return landing * (2 - p) / (2 * (1 - p))
    # END SOLUTION


# %% tags=["ex2"]
check("10.lp_threshold", lp_threshold)

# %% [markdown] tags=["ex3"]
# **3. SCAD.** Write the prox of SCAD for a step below $a - 1$. The slope of $r$ is $\lambda$ up to $\lambda$, then $(a\lambda - x)/(a - 1)$ up to
# $a\lambda$, then 0.


# %% tags=["ex3"]
def scad_prox(v, lam, a, step):
    """argmin over x of step r(x) + (x - v)^2/2, entry by entry; r is SCAD, 0 < step < a - 1."""
    # BEGIN SOLUTION: every entry's best x, without a loop; v may be negative
    size = np.abs(v)
    inner = np.maximum(size - step * lam, 0)
    middle = ((a - 1) * size - a * step * lam) / (a - 1 - step)
    x = np.where(size <= (1 + step) * lam, inner, np.where(size <= a * lam, middle, size))
    return np.sign(v) * x
    # END SOLUTION


# %% tags=["ex3"]
check("10.scad_prox", scad_prox)

# %% [markdown]
# ## Summary
#
# - $r$ is $\rho$-weakly convex if $r + \tfrac{\rho}{2} x^2$ is convex. Then its prox is continuous for every step with $s\rho < 1$, and stretches
#   distances by at most $1/(1 - s\rho)$.
# - MCP has $\rho = 1/\gamma$, SCAD $1/(a - 1)$, transformed l1 $2\lambda(a+1)/a^2$, log-sum $\lambda/\epsilon^2$. For $s\rho > 1$ they jump; at
#   $s\rho = 1$ MCP and SCAD do.
# - l0, $\ell_p$ and capped l1 have no $\rho$. They jump at every step.
# - The prox is where a line of slope $v$ touches $s\, r(x) + \tfrac12 x^2$. A jump is a hollow that the line bridges.
