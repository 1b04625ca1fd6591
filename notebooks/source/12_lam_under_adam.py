# %% [markdown]
# # 12 What lam means under Adam
#
# *Reading: 25 minutes. Exercises: an evening. Needs chapters [8](08_groups.ipynb), [10](10_weakly_convex.ipynb) and
# [11](11_variable_splitting.ipynb).*
#
# On paper $\lambda$ is the price of a weight. In a run it shares its work with the threshold $\tau$, the step $s$, the spring $\beta$ and the
# learning rate $\eta$, and Adam gives every weight a learning rate of its own. A $\lambda$ that does nothing under gradient descent may
# empty a layer under Adam.
#
# **Which of these numbers decides what becomes zero?**

# %% tags=["setup"]
import numpy as np

from minisgl.course import check, limit_blas_threads

limit_blas_threads()

# %%
import matplotlib.pyplot as plt
from scipy.optimize import brentq, minimize

from drawings import chapter_12 as draw
from minisgl.experiments import PRESETS
from minisgl.penalties import L0, L1, MCP, SCAD, LogSum, TransformedL1
from minisgl.training.setup import make_schedule

plt.rcParams["figure.constrained_layout.use"] = True

# %% [markdown]
# ## A picture
#
# A column of 500 weights, of length 1.13, as in LeNet-5's first dense layer. The loss gives it no signal, only gradient noise with standard
# deviation $\sigma$ in each entry. The penalty is $\lambda \lVert w \rVert$ with $\lambda = 10^{-5}$, and takes part in the gradient. The run has
# 5,400 steps of $\eta = 0.001$, together 5.4. The preset `quick` has 4,200, larger ones, together 5.88.

# %%
STEPS, LR, SIZE = 5400, 1e-3, 500


def column(lam, sigma, *, lr=LR, adam=True):
    """The lengths of a column (SIZE,) over the run, (STEPS + 1,), the penalty's gradient being part of the gradient."""
    rng = np.random.default_rng(0)
    w = rng.normal(0, 0.05, SIZE)  # (SIZE,)
    mean, square, lengths = np.zeros(SIZE), np.zeros(SIZE), [np.linalg.norm(w)]
    for k in range(1, STEPS + 1):
        g = sigma * rng.normal(size=SIZE) + lam * w / lengths[-1]  # (SIZE,)
        mean += 0.1 * (g - mean)
        square += 0.001 * (g * g - square)
        w = w - lr * (mean / (1 - 0.9**k) / (np.sqrt(square / (1 - 0.999**k)) + 1e-8) if adam else g)
        lengths.append(np.linalg.norm(w))
    return np.array(lengths)


sigmas = (0.0, 1e-6, 1e-5, 1e-4)
plain = column(1e-5, 0.0, adam=False)  # (STEPS + 1,)
under_adam = {sigma: column(1e-5, sigma) for sigma in sigmas}
draw.lengths(plain, under_adam)

# %%
print("length at the start", round(plain[0], 3), "and after plain steps", round(plain[-1], 5))
for sigma, lengths in under_adam.items():
    print(f"under Adam with sigma = {sigma:g}: {lengths[-1]:.4f}")
least, most = under_adam[min(under_adam)][-1], under_adam[max(under_adam)][-1]  # with the least noise, and with the most
quick = PRESETS["quick"]
schedule, steps = make_schedule(quick, ["fc1"]), 600 * quick.epochs
of_text = [steps, sum(schedule.at(k, 600, steps).lr for k in range(steps)), plain[0]]
np.testing.assert_allclose(of_text, [4200, 5.88, 1.13], rtol=5e-3, err_msg="quick's steps, their sum, and the length at first")
np.testing.assert_allclose(plain[0] - plain[-1], 5.4e-5, rtol=1e-6, err_msg="plain steps should move the length by 5.4 lam")
assert least < 0.01, f"without noise Adam should take the column nearly to 0, and it is {least:.3f} long"
assert most > plain[0], f"with much noise the column should grow, and it goes from {plain[0]:.3f} to {most:.3f}"

# %% [markdown]
# Five runs, one $\lambda$. Plain steps take $5.4 \lambda$ from the length, which is nothing. Adam takes all, or some, or lets it grow, and it
# depends on the noise.
#
# ## By hand
#
# Adam divides the mean of the gradients by the root of the mean of their squares. Let the gradient of one weight be a small constant pull $p$ and
# noise of mean 0 and deviation $\sigma$. The mean is $p$, the mean square $p^2 + \sigma^2$:
#
# $$\text{mean step} = -\eta\, \frac{p}{\sqrt{p^2 + \sigma^2}}$$
#
# | pull $p$ | noise $\sigma$ | mean step |
# |---|---|---|
# | $10^{-5}$ | 0 | $\eta$ |
# | $10^{-7}$ | 0 | $\eta$ |
# | $3 \cdot 10^{-5}$ | $4 \cdot 10^{-5}$ | $0.6\, \eta$ |
# | $10^{-5}$ | $10^{-4}$ | $0.1\, \eta$ |
#
# Without noise the size of the pull does not matter at all. With much noise what counts is $p/\sigma$.

# %%
pulls, noise = np.array([1e-5, 1e-7, 3e-5, 1e-5]), np.array([0, 0, 4e-5, 1e-4])  # each (4,)
shares = pulls / np.sqrt(pulls**2 + noise**2)  # (4,)
np.testing.assert_allclose(shares, [1, 1, 0.6, 0.1], rtol=6e-3, err_msg="the table by hand has other mean steps")
rng = np.random.default_rng(0)
for p, sigma, share in zip(pulls, noise, shares, strict=True):
    mean, square, moved = np.zeros(2000), np.full(2000, p**2 + sigma**2), np.zeros(2000)  # 2,000 weights
    for _ in range(1000):
        g = p + sigma * rng.normal(size=2000)  # (2000,)
        mean += 0.1 * (g - mean)
        square += 0.001 * (g * g - square)
        moved += mean / np.sqrt(square)
    step = moved.mean() / 1000
    print(f"p = {p:g}, sigma = {sigma:g}: mean step {step:.4f} eta, by the formula {share:.4f} eta")
    assert abs(step / share - 1) < 0.1, f"the mean step should be {share:.3f} eta, and it is {step:.3f} eta"

# %% [markdown]
# ## How far a column goes
#
# Let $N$ be the size of the group, $n$ its length, and $\sigma$ well above the pull on one entry, so that Adam divides by $\sigma$. In one step
#
# - the penalty shortens $n$ by $\eta \lambda/\sigma$, and so $n^2$ by $2 n\, \eta \lambda/\sigma$;
# - the noise moves every entry by about $\eta$ in a random direction. $N$ such steps at right angles to $w$ (nearly) raise $n^2$ by $N \eta^2$.
#
# They balance at
#
# $$\boxed{\;n^* = \frac{N\, \eta}{2} \cdot \frac{\sigma}{\lambda}\;}$$
#
# $\lambda$ occurs only as $\lambda/\sigma$: **what counts is the price against the gradient noise.** And $n^*$ is not 0. The column hovers at a
# length proportional to the learning rate.

# %%
balance = {
    (lam, sigma, lr): SIZE * lr / 2 * sigma / lam for lam, sigma, lr in ((1e-5, 1e-5, LR), (1e-4, 1e-4, LR), (1e-3, 1e-4, LR))
}
balance[2e-5, 1e-5, 2 * LR] = SIZE * LR / 2  # twice the price and twice the learning rate
measured = {case: column(case[0], case[1], lr=case[2])[-500:].mean() for case in balance}

# %%
for (lam, sigma, lr), length in measured.items():
    wanted = balance[lam, sigma, lr]
    print(f"lam {lam:g}, sigma {sigma:g}, eta {lr:g}: hovers at {length:.4f}, by the formula {wanted:.4f}")
    assert abs(length / wanted - 1) < 0.15, f"lam {lam:g}, sigma {sigma:g} should hover at {wanted:.3f}, not at {length:.3f}"

# %% [markdown]
# ## Why V and not W
#
# That is the first reason for [variable splitting](11_variable_splitting.ipynb): with Adam $W$ has no zeros. If you count $|w| < 10^{-5}$ as zero you
# count a learning rate. $V$ comes out of a prox and is exactly 0 wherever its $W$ is below the threshold, whatever the optimiser has done. The
# second reason: the V-step's threshold is not divided by anything.
#
# Hovering, measured without noise: 500 weights with an l1 price in the gradient, from 0.05, after 2,000 steps.

# %%
hover = {}
for lr in (1e-3, 1e-4):
    w = np.random.default_rng(0).normal(0, 0.05, 500)  # (500,)
    mean, square = np.zeros(500), np.zeros(500)
    for k in range(1, 2001):
        g = 1e-5 * np.sign(w)  # (500,)
        mean += 0.1 * (g - mean)
        square += 0.001 * (g * g - square)
        w = w - lr * mean / (1 - 0.9**k) / (np.sqrt(square / (1 - 0.999**k)) + 1e-8)
    hover[lr] = w
v = L0(0.5).prox(next(iter(hover.values())), step=0.02**2)  # (500,), with the threshold 0.02
draw.hovering(hover, v)

# %%
for lr, w in hover.items():
    zeros, below = np.sum(w == 0), 100 * np.mean(np.abs(w) < 1e-5)
    print(f"eta {lr:g}: median |w| {np.median(np.abs(w)):.1e}, below 1e-5: {below:.1f} %, exactly 0: {zeros}")
    assert zeros == 0, f"no weight of W should be exactly 0, and {zeros} are"
assert not np.any(v), f"V with the threshold 0.02 should be all zero, and {np.sum(v != 0)} weights are not"

# %% [markdown]
# ## The spring
#
# $W$ feels the spring $\beta (w - v)$ through its gradient, so Adam divides that too. With $v = 0$, and $\beta |w|$ well below $\sigma$, a step is
# $w \leftarrow w\, (1 - \eta\beta/\sigma)$. It takes $\sigma/(\eta\beta)$ steps to bring $w$ down to a share $1/e$. A spring that needs longer than
# the run does nothing.

# %%
sigma, beta = 1e-2, 1e-2
rng, w = np.random.default_rng(0), np.full(4000, 0.2)  # (4000,)
mean, square = np.zeros(4000), np.full(4000, sigma**2)
period = round(sigma / (LR * beta))  # in steps
for _ in range(period):
    g = sigma * rng.normal(size=4000) + beta * w  # (4000,)
    mean += 0.1 * (g - mean)
    square += 0.001 * (g * g - square)
    w = w - LR * mean / np.sqrt(square)
share = w.mean() / 0.2
print(f"after {period} steps a share {share:.3f} of w is left; 1/e is {1 / np.e:.3f}")
assert abs(share * np.e - 1) < 0.1, f"after {period} steps a share 1/e = 0.368 should be left, and it is {share:.3f}"

# %% [markdown]
# ## The effective price
#
# In the paper's mode $\lambda$ and $\beta$ are given, and the V-step is a prox with the step $s = 1/\beta$. With `--threshold` $\tau$ is given, and minisgl
# looks for the step that has it (`step_for`). For l0 $\tau = \sqrt{2 s \lambda}$, so $s = \tau^2/(2\lambda)$. The V-step then minimises
#
# $$s \lambda\, [v \ne 0] + \tfrac12 (w - v)^2 = \tfrac12 \tau^2\, [v \ne 0] + \tfrac12 (w - v)^2$$
#
# and $\lambda$ is gone. The spring in the W-step is $\tfrac{\beta}{2} (w - v)^2$. Multiply by $\beta$, so that both steps see the same spring:
#
# $$\boxed{\;\lambda_{\text{eff}} = \beta s \lambda = \tfrac12 \beta \tau^2\;}\qquad \text{(the first for every penalty, the second for l0)}$$
#
# This is the price in the $F$ that both steps go down in. For $s = 1/\beta$ it is $\lambda$ again.
#
# | | $s \lambda$ for the threshold $\tau$ | effective price |
# |---|---|---|
# | l0 | $\tau^2/2$ | $\beta\tau^2/2$ |
# | l1, MCP and SCAD with a continuous prox | $\tau$ | $\beta\tau$ |
# | transformed l1, $\tau \le a/2$ | $\tau a/(a+1)$ | $\beta\tau a/(a+1)$ |
# | log-sum, $\tau \le \epsilon$ | $\tau\epsilon$ | $\beta\tau\epsilon$ |
#
# **By hand**, `quick` at its full threshold and first $\beta$: $\tau = 0.1$, $\beta = 0.02$. So $\lambda_{\text{eff}} = \tfrac12 \cdot 0.02 \cdot 0.01 = 10^{-4}$,
# forty times its `--lam` of $2.5 \cdot 10^{-6}$. That `--lam` is the price of the group lasso, and of nothing else.

# %%
tau = 0.1
for penalty, scaled in (
    (L0(0.3), tau**2 / 2),
    (L1(0.3), tau),
    (MCP(0.3, gamma=3.0), tau),
    (SCAD(0.3, a=3.7), tau),
    (TransformedL1(0.3, a=1.0), tau * 1.0 / 2.0),
    (LogSum(0.3, eps=0.2), tau * 0.2),
):
    np.testing.assert_allclose(penalty.step_for(tau) * penalty.lam, scaled, err_msg=f"s lam of {penalty}")
    w, any_v = np.linspace(0.02, 0.3, 15), np.linspace(0, 0.3, 3001)[:, None]  # (15,), (3001, 1)
    v = penalty.prox(w, penalty.step_for(tau))  # (15,)
    F_v, F_any = (0.02 * scaled * penalty.cost(x) / penalty.lam + 0.02 / 2 * (w - x) ** 2 for x in (v, any_v))  # beta: 0.02
    worse = np.max(F_v - F_any.min(axis=0))
    assert worse < 1e-12, f"{penalty}: with the price beta s lam another v costs less, by {worse:.2g}"
price = quick.regime.beta * quick.regime.threshold[0] ** 2 / 2
print(f"quick: beta tau^2/2 = {price:g} is {price / quick.penalty.lam:.0f} times lam")
np.testing.assert_allclose([price, price / quick.penalty.lam], [1e-4, 40], err_msg="by hand it is 1e-4, forty times lam")
again = L0(0.3).step_for(L0(0.3).threshold(1 / 25))
np.testing.assert_allclose(again, 1 / 25, err_msg="with the threshold of s = 1/beta the step should be 1/beta again")
both = np.linspace(-0.3, 0.3, 601)  # (601,): two values of lam, one threshold, one V
two = [L0(lam).prox(both, L0(lam).step_for(tau)) for lam in (1e-6, 10.0)]  # each (601,)
np.testing.assert_array_equal(*two, err_msg="with a given threshold lam should not matter")

# %% [markdown]
# ## How to choose a, gamma and eps
#
# Choose $\tau$ first: the size below which a weight is not worth keeping. Then ask of the other parameter what it does to weights above $\tau$. With
# $s$ from $\tau$, the condition $s\rho < 1$ of [chapter 10](10_weakly_convex.ipynb) is a condition on sizes:
#
# | | continuous if | then changes weights up to | so choose |
# |---|---|---|---|
# | transformed l1 | $\tau \le a/2$ | all, less and less beyond $a$ | $a \ge 2\tau$, or near 0 for l0 |
# | log-sum | $\tau \le \epsilon$ | all, less and less beyond $\epsilon$ | $\epsilon \ge \tau$ |
# | MCP | $s = \tau/\lambda < \gamma$ | $\gamma\lambda$ | $\lambda = B/\gamma$, $\gamma$ as you like: $B > \tau$ |
# | SCAD | $s = \tau/\lambda < a - 1$ | $a\lambda$ | $\lambda = B/a$ with $B > \tau\, a/(a-1)$ |
#
# $B$ is the size from which on weights are to be left alone. For transformed l1: $s\lambda = \tau a/(a+1)$ in $2 s\lambda(a+1)/a^2 \le 1$ gives
# $2\tau/a \le 1$. For log-sum: $s\lambda = \tau\epsilon$ in $s\lambda/\epsilon^2 \le 1$. With `quick`'s $\lambda = 2.5 \cdot 10^{-6}$ and $\tau = 0.1$ both
# MCP and SCAD have $s \gg \gamma$ and are hard thresholding: **a small $\lambda$ does not make them gentle**.

# %%
v = np.linspace(0, 1, 100_001)  # (100001,)


def jumps(penalty):
    """Whether the prox with the threshold tau jumps by more than 0.005."""
    return bool(np.diff(penalty.prox(v, penalty.step_for(tau))).max() > 0.005)


for name, family, border in (
    ("transformed l1, a", lambda a: TransformedL1(0.3, a=a), 2 * tau),
    ("log-sum, eps", lambda eps: LogSum(0.3, eps=eps), tau),
    ("MCP, gamma lam", lambda B: MCP(B / 3, gamma=3.0), tau),
    ("SCAD, a lam", lambda B: SCAD(B / 3.7, a=3.7), tau * 3.7 / 2.7),
):
    assert jumps(family(0.9 * border)), f"for tau = {tau} {name} should jump at {0.9 * border:.3f}, below {border:.3f}"
    assert not jumps(family(1.1 * border)), f"for tau = {tau} {name} should not jump at {1.1 * border:.3f}, above {border:.3f}"
    gentle = family(1.1 * border)
    changed = v[gentle.prox(v, gentle.step_for(tau)) < v - 1e-9].max()
    upto = 1.1 * border if "lam" in name else 1
    assert abs(changed - upto) < 1e-4, f"{name}: weights up to {upto:.3f} should change; here those up to {changed:.3f} do"
    print(f"{name} = {border:.3f} is the border, for tau = {tau}")
for penalty in (MCP(2.5e-6), SCAD(2.5e-6)):
    x = penalty.prox(v, penalty.step_for(tau))  # (100001,)
    clear = np.abs(v - tau) > 1e-6
    np.testing.assert_array_equal(x[clear], np.where(v > tau, v, 0)[clear], err_msg=f"{penalty} should threshold hard")

# %% [markdown]
# ## The step that goes down
#
# Is there a step with Adam's scales that does go down in $F = f + \lambda r$, and lands on zero? Yes: the prox **in Adam's metric**, taken apart from the
# gradient, as AdamW takes weight decay. Let $d_i = \sqrt{\hat v_i} + \epsilon$, so that Adam without momentum is $u_i = w_i - \eta\, g_i/d_i$. This $u$ is the
# lowest point of
#
# $$g \cdot (x - w) + \frac{1}{2\eta} \sum_i d_i (x_i - w_i)^2$$
#
# Add $\lambda r(x)$, and complete the square in every entry:
#
# $$\boxed{\;x = \operatorname{argmin}_x\; \frac{1}{2\eta} \sum_i d_i\, (x_i - u_i)^2 + \lambda\, r(x)\;}$$
#
# **l1.** Each entry alone, divided by $d_i/\eta$: soft thresholding with the threshold $\eta\lambda/d_i$. In general the prox with the step
# $\eta/d_i$, which differs from weight to weight.
#
# **Group lasso**, $r = \lVert x \rVert$. Let $n = \lVert x \rVert > 0$. The slope in $x_i$ is zero:
#
# $$\frac{d_i}{\eta} (x_i - u_i) + \lambda \frac{x_i}{n} = 0 \qquad\Longrightarrow\qquad x_i = \frac{d_i u_i}{d_i + \eta\lambda/n} = n\, \frac{d_i u_i}{d_i n + \eta\lambda}$$
#
# That $x$ has the length $n$ is one equation for one number:
#
# $$\phi(n) = \sum_i \Big( \frac{d_i u_i}{d_i n + \eta\lambda} \Big)^2 = 1$$
#
# $\phi$ falls from $\phi(0) = \sum_i (d_i u_i)^2/(\eta\lambda)^2$ to 0. So there is one root if $\phi(0) > 1$, and none if
#
# $$\sum_i (d_i u_i)^2 \le (\eta\lambda)^2, \quad\text{and then } x = 0$$
#
# For then, by Cauchy and Schwarz, $\sum_i d_i u_i x_i \le \eta\lambda \lVert x \rVert$: what leaving 0 gains is never more than it costs. If all $d_i$ are
# the same $d$, this is block soft thresholding with $\eta\lambda/d$.


# %%
def group_step(u, d, lr, lam):
    """The box for one group, u and d (N,)."""
    if np.sum((d * u) ** 2) <= (lr * lam) ** 2:
        return np.zeros_like(u)
    n = brentq(lambda n: np.sum((d * u / (d * n + lr * lam)) ** 2) - 1, 0, np.linalg.norm(u), xtol=1e-14)
    return d * u / (d + lr * lam / n)


rng, kept, lr = np.random.default_rng(0), 0, 0.5
for _ in range(40):
    u, d, lam = rng.normal(size=4), np.exp(rng.normal(size=4)), 4 * rng.random()  # (4,), (4,)

    def cost(x, u=u, d=d, lam=lam):
        return d @ (x - u) ** 2 / (2 * lr) + lam * np.sqrt(x @ x)

    w, x = rng.normal(size=(2, 4))  # each (4,)
    g = d / lr * (w - u)  # (4,), so that u = w - lr g/d
    model, of_u = (g @ (at - w) + d @ (at - w) ** 2 / (2 * lr) for at in (x, u))
    np.testing.assert_allclose(model - of_u, d @ (x - u) ** 2 / (2 * lr), err_msg="the completed square, 0 at u")
    x = group_step(u, d, lr, lam)  # (4,)
    others = [minimize(cost, start).fun for start in (u, u / 10)] + [cost(np.zeros(4))]
    assert cost(x) <= min(others) + 1e-9, f"the formula's x costs {cost(x):.6f}, and a search or 0 only {min(others):.6f}"
    kept += bool(np.any(x))
    same = u * max(1 - lr * lam / 2 / np.linalg.norm(u), 0)  # (4,)
    by_step = group_step(u, np.full(4, 2.0), lr, lam)  # (4,)
    np.testing.assert_allclose(by_step, same, atol=1e-12, err_msg="with one d it should be block soft thresholding")
    for i in range(4):  # l1, one entry: the best of 20,001 candidates
        candidates = np.linspace(-4, 4, 20_001)
        best = candidates[np.argmin(d[i] * (candidates - u[i]) ** 2 / (2 * lr) + lam * np.abs(candidates))]
        soft = np.sign(u[i]) * max(abs(u[i]) - lr * lam / d[i], 0)
        assert abs(soft - best) < 1e-3, f"the threshold eta lam/d gives {soft:.4f}, and the best candidate is {best:.4f}"
print(f"40 groups, {kept} kept: none beaten")

# %% [markdown]
# **It goes down**, under three conditions: $d$ is frozen, there is no momentum, and $d_i/\eta \ge L$ for every $i$, where $L$ is the Lipschitz constant of
# $\nabla f$. By the descent lemma ([chapter 11](11_variable_splitting.ipynb))
#
# $$f(x) + \lambda r(x) \;\le\; f(w) + g \cdot (x - w) + \tfrac L2 \lVert x - w \rVert^2 + \lambda r(x) \;\le\; f(w) + g \cdot (x - w) + \frac{1}{2\eta} \sum_i d_i (x_i - w_i)^2 + \lambda r(x)$$
#
# $x$ makes the right side least, and $x = w$ makes it $F(w)$. So $F(x) \le F(w)$. A real run changes $d$, has momentum and mini-batches: there this is no
# promise.
#
# **It stands still at the right places.** If $x = w$, then $u_i - w_i = -\eta g_i/d_i$, and the slope equation reads $g_i + \lambda w_i/n = 0$: $d$ and
# $\eta$ have gone. It is tempting to use one mean $\bar d$ for the whole group, since block soft thresholding is then enough. But that stands
# still where $\tfrac{\bar d}{\eta} (w_i - u_i) + \lambda w_i/n = 0$, so where
#
# $$g_i + \frac{d_i}{\bar d}\, \lambda\, \frac{w_i}{n} = 0$$
#
# which is the slope of another function.
#
# ## Experiment
#
# Least squares with six groups of five weights; two groups are in the data. $d$ is frozen, and differs by a factor of up to ten. Three
# methods with the same $d$ and $\eta$: the exact step, the step with the mean, and the penalty in the gradient.

# %%
rng = np.random.default_rng(1)
A = rng.normal(size=(60, 30))  # (60, 30)
truth = np.concatenate([rng.normal(size=10), np.zeros(20)])  # (30,)
b = A @ truth + 0.3 * rng.normal(size=60)  # (60,)
L, lam, lr = np.linalg.eigvalsh(A.T @ A / 60)[-1], 0.3, 0.05
d = L * lr * 10 ** rng.random(30)  # (30,): d / lr from L to 10 L
groups = [slice(5 * k, 5 * k + 5) for k in range(6)]


def gradient(w):
    return A.T @ (A @ w - b) / 60  # (30,)


def F(w):
    return np.sum((A @ w - b) ** 2) / 120 + lam * sum(np.linalg.norm(w[group]) for group in groups)


def by_mean(u, d, lr, lam):
    """Block soft thresholding with one mean d."""
    length = np.linalg.norm(u)
    return u * max(1 - lr * lam / d.mean() / length, 0) if length else u


def descend(step=None, iterations=600):
    """F over the iterations, and the last w (30,); without a step the penalty's slope is in the gradient."""
    w, seen = rng.normal(size=30) * 0.1, []
    for _ in range(iterations):
        seen.append(F(w))
        slope = 0 if step else lam * np.concatenate([w[group] / np.linalg.norm(w[group]) for group in groups])  # (30,)
        w = w - lr * (gradient(w) + slope) / d
        if step:
            w = np.concatenate([step(w[group], d[group], lr, lam) for group in groups])
    return np.array(seen), w


runs = {"exact step": descend(group_step), "mean of d": descend(by_mean), "in the gradient": descend()}
lowest = runs["exact step"][0][-1]
draw.descents({name: seen - lowest for name, (seen, _) in runs.items()})

# %%
for name, (seen, w) in runs.items():
    zeros = sum(not np.any(w[group]) for group in groups)
    rises = np.sum(np.diff(seen) > 1e-12)
    print(f"{name}: F - lowest {max(seen[-1] - lowest, 0):.1e}, {zeros} of 6 groups zero, {rises} rises")
seen, w = runs["exact step"]
assert np.all(np.diff(seen) <= 1e-12), f"with the exact step F should never rise; it rises by up to {np.diff(seen).max():.1e}"
zero = [not np.any(w[group]) for group in groups]
assert zero == [False, False, True, True, True, True], f"the four groups that are not in the data should be 0: {zero}"
g, (_, at_mean) = gradient(w), runs["mean of d"]
for group in groups[:2]:
    slope = lam * w[group] / np.linalg.norm(w[group])  # (5,)
    np.testing.assert_allclose(g[group], -slope, atol=1e-6, err_msg="the exact step should stand still where F has slope 0")
    scaled = d[group] / d[group].mean() * lam * at_mean[group] / np.linalg.norm(at_mean[group])  # (5,)
    np.testing.assert_allclose(gradient(at_mean)[group], -scaled, atol=1e-6, err_msg="the mean stands still elsewhere")
left, at_w = A @ w - b, np.sum((A @ w - b) ** 2) / 120
for D in 0.02 * rng.normal(size=(100, 30)):  # the descent lemma, and d/eta >= L
    bounds = [np.sum((left + A @ D) ** 2) / 120, *(at_w + g @ D + c / 2 @ D**2 for c in (L + 0 * d, d / lr))]
    assert bounds == sorted(bounds), f"the loss and its two bounds should rise, and they are {np.round(bounds, 5)}"
above = runs["in the gradient"][0][-1] - lowest
assert above > 1e-6, f"with the penalty in the gradient F should stay above its lowest value; it is {above:.1e} above"
assert F(at_mean) > lowest + 1e-4, f"the mean of d should end above the lowest F, and ends {F(at_mean) - lowest:.1e} above it"
zeros = np.sum(runs["in the gradient"][1] == 0)
assert zeros == 0, f"with the penalty in the gradient nothing should be exactly 0, and {zeros} weights are"

# %% [markdown]
# The exact step goes down all the way, and four groups are exactly zero. With the mean it ends at a wrong place. With the penalty in the gradient no
# group is zero, and $F$ stays above its lowest value.
#
# In the paper, and in its code, the group lasso is in the gradient. So a published $\lambda$ is a $\lambda$ for that optimiser, with that
# schedule of learning rates and that noise (so also that batch size), and not a property of $F$.
#
# ## Exercises
#
# In the [exercise notebook](exercises/12_lam_under_adam.ipynb), with a check for each.

# %% [markdown] tags=["ex1"]
# **1. The effective price.** A run with l0 has the threshold $\tau$ in its V-step and the spring $\tfrac{\beta}{2} (w - v)^2$ in its W-step. Which price for a
# weight $v \ne 0$ makes both steps go down in the same $F$? ($\tau = 0.2$ and $\beta = 0.5$ give 0.01.)


# %% tags=["ex1"]
def effective_price(tau, beta):
    """The price of one weight that is not zero."""
    # BEGIN SOLUTION: the price
    return beta * tau**2 / 2
    # END SOLUTION


# %% tags=["ex1"]
check("12.effective_price", effective_price)

# %% [markdown] tags=["ex2"]
# **2. l1 in Adam's metric.** $u$ is the point after the gradient step, $d$ Adam's denominators, both of the same shape. Return the $x$ that makes
# $\tfrac{1}{2\eta} \sum_i d_i (x_i - u_i)^2 + \lambda \sum_i |x_i|$ least, with $\eta$ = lr.


# %% tags=["ex2"]
def metric_soft(u, d, lr, lam):
    """The x of u's shape; u and d of one shape, all d above 0."""
    # BEGIN SOLUTION: x, entry by entry
    size = np.abs(u) - lr * lam / d
    return np.sign(u) * np.maximum(size, 0)
    # END SOLUTION


# %% tags=["ex2"]
check("12.metric_soft", metric_soft)

# %% [markdown] tags=["ex3"]
# **3. Group lasso in Adam's metric.** The same for one group, $u$ and $d$ of shape $(N,)$, and $\lambda \lVert x \rVert$ in place of the l1 price. Find $n$ as
# you like, for example by bisection: it lies between 0 and $\lVert u \rVert$.


# %% tags=["ex3"]
def metric_group(u, d, lr, lam):
    """The group's x (N,); lr, lam > 0."""
    # BEGIN SOLUTION: the whole group's x
    if np.linalg.norm(d * u) <= lr * lam:
        return np.zeros(len(u))
    low, high = 0.0, np.linalg.norm(u)
    for _ in range(100):
        middle = (low + high) / 2
        too_short = np.linalg.norm(d * u / (d * middle + lr * lam)) > 1
        low, high = (middle, high) if too_short else (low, middle)
    return u * d / (d + lr * lam / high)
    # END SOLUTION


# %% tags=["ex3"]
check("12.metric_group", metric_group)

# %% [markdown]
# ## Summary
#
# - Under Adam a penalty in the gradient acts by $\lambda/\sigma$, its pull against the gradient noise. A group hovers at the length
#   $\tfrac12 N \eta\, \sigma/\lambda$ and is never exactly zero. That is why $V$ is the sparse network.
# - With a given threshold the price that both steps see is $\beta s \lambda$, for l0 $\tfrac12 \beta\tau^2$. `--lam` is not in it.
# - Choose $\tau$ first, then $a \ge 2\tau$, $\epsilon \ge \tau$, or $\gamma\lambda$ and $a\lambda$ above $\tau$, for a continuous prox.
# - The prox in Adam's metric goes down in $F$ for a frozen $d$, no momentum and $d/\eta \ge L$. For a group it takes one root, and a mean of
#   $d$ does not replace it.
