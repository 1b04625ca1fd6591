# %% [markdown]
# # 4 The proximal operator, and soft thresholding
#
# *Reading: 30 minutes. Exercises: an evening. Needs chapter [1](01_why_sparsity.ipynb).*
#
# The penalty $\lambda |w|$ pulls a weight towards zero, always with the same force $\lambda$. A weight that follows this pull in
# steps comes near zero with full speed, jumps over it, is pulled back, and jumps over it again. It is never *equal* to zero, and a
# weight that is not zero has to be stored and multiplied.
#
# **Which step lands on zero, exactly, and stays there?**

# %% tags=["setup"]
import numpy as np

from minisgl.course import check, limit_blas_threads
from minisgl.penalties import L1

limit_blas_threads()

# %%
import matplotlib.pyplot as plt
from ipywidgets import FloatSlider, interact

from drawings import chapter_04 as draw
from minisgl.course.show_code import show_code
from minisgl.penalties import L0

plt.rcParams["figure.constrained_layout.use"] = True

# %% [markdown]
# ## A picture
#
# One weight $w$, and a loss that wants $w = 0.3$, with a penalty that wants $w = 0$:
#
# $$F(w) = \tfrac12 (w - 0.3)^2 + 0.5\,|w|$$
#
# The penalty wins: the least value of $F$ is at $w = 0$. Both panels start at $w = 1.5$ and make 25 steps of the same length. On
# the left the penalty takes part through its slope $0.5 \operatorname{sign}(w)$. On the right it takes part through the step that this chapter
# is about.

# %%
lr, steps = 0.25, 25
by_slope, by_prox = [1.5], [1.5]
for _ in range(steps):
    w = by_slope[-1]
    by_slope.append(w - lr * ((w - 0.3) + 0.5 * np.sign(w)))
    w = by_prox[-1]
    w = w - lr * (w - 0.3)  # the loss alone
    by_prox.append(np.sign(w) * max(abs(w) - lr * 0.5, 0))  # then the penalty
draw.slope_and_prox(by_slope, by_prox)

# %%
assert 0 not in by_slope, f"the text says that the slope never lands on 0; here it does, in step {by_slope.index(0)}"
assert 0 in by_prox, (
    f"the text says that the prox lands on 0; here, after {steps} steps of length {lr}, it is at {by_prox[-1]:.3g}"
)
stays = set(by_prox[by_prox.index(0) :])
assert stays == {0}, f"the text says that the prox stays at 0; here it leaves it, up to {max(np.abs(list(stays))):.3g}"

# %% [markdown]
# ## The question, in symbols
#
# Let $v$ be the weight as it is, and $r$ a penalty. Look for a new weight $x$ that is cheap, but not far from $v$:
#
# $$\operatorname{prox}(v) \;=\; \underset{x}{\arg\min}\; \Big[\; \underbrace{t\, r(x)}_{\text{what } x \text{ costs}} \;+\;
# \underbrace{\tfrac12 (x - v)^2}_{\text{how far it is from } v} \Big] \qquad t \ge 0$$
#
# This is the **proximal operator** of $t\,r$. Here $r(x) = |x|$. Every other penalty of this course gets a chapter, and the
# question stays the same.
#
# ## By hand
#
# Take $t = 0.5$ and try some $x$.
#
# | $v = 1.5$ | penalty $0.5\,\lvert x\rvert$ | distance $(x - 1.5)^2/2$ | together |
# |---|---|---|---|
# | $x = 1.5$ (stay) | 0.75 | 0 | 0.75 |
# | $x = 1$ | 0.5 | 0.125 | **0.625** |
# | $x = 0.5$ | 0.25 | 0.5 | 0.75 |
# | $x = 0$ | 0 | 1.125 | 1.125 |
#
# | $v = 0.3$ | penalty $0.5\,\lvert x\rvert$ | distance $(x - 0.3)^2/2$ | together |
# |---|---|---|---|
# | $x = 0.3$ (stay) | 0.15 | 0 | 0.15 |
# | $x = 0.1$ | 0.05 | 0.02 | 0.07 |
# | $x = 0$ | 0 | 0.045 | **0.045** |
#
# The large weight moves by 0.5 towards zero. The small one goes to zero and stays there. The same numbers from the formula:


# %%
def cost(x, v, t):
    """What x costs, entry by entry: t |x| + (x - v)^2 / 2."""
    return t * np.abs(x) + (x - v) ** 2 / 2


large, small = cost(np.array([1.5, 1, 0.5, 0]), 1.5, 0.5), cost(np.array([0.3, 0.1, 0]), 0.3, 0.5)
print(f"v = 1.5: {large}\nv = 0.3: {small}")
np.testing.assert_allclose(large, [0.75, 0.625, 0.75, 1.125], err_msg="the last column of the table for v = 1.5")
np.testing.assert_allclose(small, [0.15, 0.07, 0.045], err_msg="the last column of the table for v = 0.3")

# %% [markdown]
# ## The derivation
#
# **Many weights are many single problems.** For $v$ of shape $(n,)$ the cost is a sum in which every term has one entry of $x$ only:
#
# $$t \sum_{i=1}^n |x_i| + \tfrac12 \sum_{i=1}^n (x_i - v_i)^2 \;=\; \sum_{i=1}^n \Big[\, t\,|x_i| + \tfrac12 (x_i - v_i)^2 \Big]$$
#
# A sum of terms that have nothing in common is least when each of them is least. So from here on $x$ and $v$ are single numbers,
# and
#
# $$f(x) = t\,|x| + \tfrac12 (x - v)^2$$
#
# **First let $v \ge 0$.**
#
# *Step 1: the best $x$ is not negative.* Compare a negative $x$ with $-x$. The penalty is the same, and the distance
#
# $$\tfrac12 (-x - v)^2 - \tfrac12 (x - v)^2 \;=\; \tfrac12 \big( x^2 + 2xv + v^2 \big) - \tfrac12 \big( x^2 - 2xv + v^2 \big) \;=\; 2xv \;\le\; 0$$
#
# is not larger for $-x$, because $x < 0 \le v$.
#
# *Step 2: the slope where $x > 0$.* There $|x| = x$, so
#
# $$f(x) = t\,x + \tfrac12 (x - v)^2, \qquad f'(x) = t + x - v$$
#
# The slope is zero at $x = v - t$. Is this point in the half $x > 0$ that we are looking at?
#
# - *Yes, if $v > t$.* To the left of $v - t$ the slope is negative, to the right positive: $f$ falls from $x = 0$ on until
#   $v - t$, and then rises. The least value is at $x = v - t$.
# - *No, if $v \le t$.* Then $f'(x) = x + (t - v) > 0$ for every $x > 0$: $f$ rises from the start, and nothing is better than $x = 0$.
#
# **Now let $v < 0$.** Change both signs, of $x$ and of $v$: neither $|x|$ nor $(x - v)^2$ changes. So the picture for $v$ is the
# mirror image of the picture for $-v$, and $\operatorname{prox}(v) = -\operatorname{prox}(-v)$.
#
# All three in one line:
#
# $$\boxed{\;\operatorname{prox}(v) = \operatorname{sign}(v)\,\max(|v| - t,\; 0)\;}$$
#
# This is **soft thresholding**: up to the threshold $t$ all becomes 0, and all beyond comes closer to zero by $t$.
#
# **Check.** The formula on 301 values of $v$, against the best of 6,001 candidates for each.

# %%
v = np.linspace(-3, 3, 301)  # (301,)
x = np.linspace(-3, 3, 6001)  # (6001,), 0.001 apart
for t in (0.0, 0.3, 0.5, 1.7):
    best = x[cost(x, v[:, None], t).argmin(axis=1)]  # (301, 6001) -> (301,)
    formula = np.sign(v) * np.maximum(np.abs(v) - t, 0)  # (301,)
    off = np.abs(formula - best).max()
    assert off < 0.001, f"t = {t}: the formula should be within 0.001 of the best candidate; here they are {off:.3g} apart"
    print(f"t = {t}: the formula and the best candidate agree, and {np.sum(formula == 0)} of {v.size} are exactly 0")
mirrored, positive = ((-x - 0.9) ** 2 - (x - 0.9) ** 2) / 2, x[x > 0.01]  # for v = 0.9
np.testing.assert_allclose(mirrored, 2 * x * 0.9, atol=1e-12, err_msg="step 1: the two distances should differ by 2xv")
slope = (cost(positive + 1e-6, 0.9, t) - cost(positive - 1e-6, 0.9, t)) / 2e-6
np.testing.assert_allclose(slope, t + positive - 0.9, atol=1e-7, err_msg="step 2: the slope should be t + x - v")

# %% [markdown]
# The prox is the best $x$. What it costs also has a name: $\min_x\, t\,r(x) + \tfrac12 (x - v)^2$, as a function of $v$, is the **Moreau envelope** of
# $t\,r$. For $r(x) = |x|$ put the two cases into the cost: a dropped weight costs $\tfrac12 v^2$, and a kept one $t\,(|v| - t) + \tfrac12 t^2$, so
#
# $$\min_x\; t\,|x| + \tfrac12 (x - v)^2 \;=\; \begin{cases} \tfrac12 v^2 & |v| \le t \\ t\,|v| - \tfrac12 t^2 & |v| > t \end{cases}$$
#
# It is $t\,|v|$ with a rounded corner (*Huber's function*). [Chapter 11](11_variable_splitting.ipynb) needs it.

# %%
t = 0.5
envelope = np.where(np.abs(v) <= t, v**2 / 2, t * np.abs(v) - t**2 / 2)  # (301,)
prox_costs, least = cost(L1(t).prox(v, step=1.0), v, t), cost(x, v[:, None], t).min(axis=1)  # (301,) each
np.testing.assert_allclose(prox_costs, envelope, atol=1e-15, err_msg="the prox should cost what the envelope says")
np.testing.assert_allclose(least, envelope, atol=1e-6, err_msg="the cheapest candidate should cost what the envelope says")

# %% [markdown]
# ## Where the zeros come from
#
# Write down what we found for $v > t$ and for $v < -t$: $x = v - t$ and $x = v + t$. In both cases
#
# $$x = v - t \operatorname{sign}(x)$$
#
# A gradient step on the penalty would be
#
# $$x = v - t \operatorname{sign}(v)$$
#
# One letter differs. The gradient step takes the slope **where it starts**, and knows nothing of the corner that lies on its way. The prox
# takes the slope **where it arrives**. And if it arrives at the corner, the corner can answer a pull of any strength from $-t$ to
# $t$: every $v$ in $[-t, t]$ ends there.
#
# **Check**, with $t = 0.5$. For the values that are not dropped both give the same. The others jump over zero.

# %%
t = 0.5
v = np.array([-1.3, -0.4, -0.1, 0.2, 0.45, 0.9])
gradient_step = v - t * np.sign(v)
prox = L1(t).prox(v, step=1.0)  # the formula in the box, as minisgl computes it
for row in zip(v, gradient_step, prox, strict=True):
    print("v = {:5.2f}     by a gradient step {:5.2f}     by the prox {:5.2f}".format(*row))

# %%
kept = np.abs(v) > t
arrived = v[kept] - t * np.sign(prox[kept])
np.testing.assert_allclose(prox[kept], arrived, err_msg="what is kept should be v - t sign(x)")
np.testing.assert_allclose(prox[kept], gradient_step[kept], err_msg="for what is kept both steps should give the same")
dropped, landed = v[~kept], gradient_step[~kept]
assert np.all(landed * dropped <= 0), (
    f"the text says that the gradient step takes {dropped} over zero; here it takes them to {landed}"
)

# %% [markdown]
# ## The threshold curve, and the cost it makes least
#
# Four values of $v$, with $t = 0.5$. In each of the first four panels the curve is the cost $f(x)$, and the dot is its lowest point. In
# the last panel these four dots lie on the curve of $\operatorname{prox}$. The lowest point stays in the corner at 0 until $v$ is
# larger than $t$. Then it moves, without a jump.


# %%
draw.costs([0.3, 0.5, 1.0, 1.6], t=0.5)

# %% [markdown]
# With a running kernel, move $v$ and $t$: push $v$ slowly past $t$, and the dot leaves its corner.

# %%
_ = interact(
    draw.cost_and_prox,
    v=FloatSlider(value=1.0, min=-0.9, max=2.1, step=0.1),
    t=FloatSlider(value=0.5, min=0.1, max=1.5, step=0.1),
)

# %% [markdown]
# ## Lam and the step
#
# In minisgl a penalty carries its own weight $\lambda$, and the step $s$ comes from outside:
#
# $$\operatorname{prox}(v, s) = \underset{x}{\arg\min}\; s\,\lambda\, r(x) + \tfrac12 \lVert x - v\rVert^2 \qquad\text{so } t = s\,\lambda$$
#
# Why two numbers? Because of where the prox is used. Two copies of the weights, $W$ and $V$, are held
# together by a coupling $\beta > 0$ ([chapter 11](11_variable_splitting.ipynb)), and the new $V$, of $W$'s shape, is what makes this least:
#
# $$\lambda\, r(V) + \tfrac{\beta}{2} \lVert V - W \rVert^2 \;=\; \beta \Big[\, \tfrac{1}{\beta}\, \lambda\, r(V) + \tfrac12 \lVert V - W \rVert^2 \Big]$$
#
# The factor $\beta$ in front does not move the lowest point. In the brackets stands the
# prox at $v = W$ with the step $s = 1/\beta$. So $\lambda$ belongs to the penalty, and the step to the algorithm.
#
# **Check** with $\lambda = 0.6$, $\beta = 4$: threshold $0.15$.

# %%
lam, beta = 0.6, 4.0
w = np.linspace(-1, 1, 81)  # (81,)
x = np.linspace(-1, 1, 2001)  # (2001,)
best = x[(lam * np.abs(x) + beta / 2 * (x - w[:, None]) ** 2).argmin(axis=1)]  # (81, 2001) -> (81,)
off, t = np.abs(best - L1(lam).prox(w, step=1 / beta)).max(), L1(lam).threshold(step=1 / beta)
print(f"lam = {lam}, beta = {beta}: threshold {t:.4g}; the best candidates and the prox differ by at most {off:.2g}")
assert off < 0.001, f"the best V should be the prox at W with the step 1/beta; here they are {off:.3g} apart"
assert np.isclose(t, 0.15), f"the text says that the threshold is 0.15; for lam = {lam} and beta = {beta} it is {t:.4g}"

# %% [markdown]
# ## The code
#
# What minisgl runs in every training step. (`in_blocks` runs its function over pieces of the
# array that fit into the cache, and changes no number.)

# %%
show_code(L1.threshold, L1.prox)

# %% [markdown]
# It does not look like the formula in the box. Go through the three cases; $\operatorname{clip}(v, -t, t)$ is the part of $v$ that
# lies in $[-t, t]$:
#
# | | $\operatorname{clip}(v, -t, t)$ | $v - \operatorname{clip}(v, -t, t)$ | the box |
# |---|---|---|---|
# | $v > t$ | $t$ | $v - t$ | $v - t$ |
# | $-t \le v \le t$ | $v$ | $v - v = 0$ | $0$ |
# | $v < -t$ | $-t$ | $v + t$ | $-(\lvert v\rvert - t)$ |
#
# It is the same, in two operations instead of five. And $v - v$ is exactly 0.

# %%
v = np.random.default_rng(0).normal(size=100_000)  # (100000,)
for t in (0.0, 0.1, 1.0):
    box = np.sign(v) * np.maximum(np.abs(v) - t, 0)  # (100000,)
    np.testing.assert_array_equal(L1(t).prox(v, 1.0), box, err_msg=f"t = {t}: two operations should give what five do")

# %% [markdown]
# ## One step for a loss and a penalty
#
# In training there is also a loss $L(w)$, known through its gradient $g$ at the present $w$, both of shape $(n,)$. Near $w$ the loss is about $L(w) + g \cdot (x - w)$. Trust this within a distance that the learning rate $\eta$ measures, and
# look for the best $x$:
#
# $$\underset{x}{\arg\min}\;\; g \cdot (x - w) + \tfrac{1}{2\eta} \lVert x - w \rVert^2 + \lambda\, r(x)$$
#
# Complete the square. Multiplying out the right side shows that
#
# $$g \cdot (x - w) + \tfrac{1}{2\eta} \lVert x - w \rVert^2 \;=\; \tfrac{1}{2\eta} \big\lVert x - (w - \eta\, g) \big\rVert^2 - \tfrac{\eta}{2} \lVert g \rVert^2 :$$
#
# the square of the norm is $\lVert x - w\rVert^2 + 2\eta\, g \cdot (x - w) + \eta^2 \lVert g \rVert^2$; divided by $2\eta$ its last term is
# $\tfrac{\eta}{2} \lVert g \rVert^2$, which is taken away again. This term has no $x$ in it: leave it out. Multiply the rest by
# $\eta$, which does not move the lowest point:
#
# $$\underset{x}{\arg\min}\;\; \eta\, \lambda\, r(x) + \tfrac12 \big\lVert x - (w - \eta\, g) \big\rVert^2 \;=\; \operatorname{prox}(w - \eta\, g,\; \text{step} = \eta)$$
#
# A gradient step on the loss, then the prox of the penalty, with the learning rate as the step: a **proximal gradient step**. The
# right panel of the first picture did this.
#
# **Check** of the completed square and of the best $x$, with random vectors.

# %%
rng = np.random.default_rng(1)
x, w, g = rng.normal(size=(3, 8))  # each (8,)
eta = 0.7
left = g @ (x - w) + (x - w) @ (x - w) / (2 * eta)
away = x - (w - eta * g)  # (8,)
np.testing.assert_allclose(left, away @ away / (2 * eta) - eta / 2 * g @ g, err_msg="the completed square, left and right side")
many = np.linspace(-6, 6, 12_001)[:, None]  # (12001, 1)
best = many[(g * (many - w) + (many - w) ** 2 / (2 * eta) + 0.6 * np.abs(many)).argmin(axis=0), 0]  # (12001, 8) -> (8,)
np.testing.assert_allclose(best, L1(0.6).prox(w - eta * g, step=eta), atol=6e-4, err_msg="the best x should be the prox")

# %% [markdown]
# ## It never makes the sum larger
#
# Let $F = L + \lambda\, r$, and $w^+$ the weights after a proximal gradient step from $w$. Of the loss we ask that its curvature is nowhere more than some
# number $L_f$, so that beyond its slope it rises by at most
#
# $$L(x) \;\le\; L(w) + g \cdot (x - w) + \tfrac{L_f}{2} \lVert x - w \rVert^2 \qquad\text{for all } w \text{ and } x \qquad\text{(the descent lemma)}$$
#
# ([chapter 11](11_variable_splitting.ipynb) proves it). Of $r$ we ask nothing, except that there is a best $x$. **If $\eta \le 1/L_f$, then
# $F(w^+) \le F(w)$.** The proof has four lines:
#
# 1. $w^+$ is the best $x$ of the problem above, and $w$ was a candidate:
#    $\;g \cdot (w^+ - w) + \tfrac{1}{2\eta} \lVert w^+ - w \rVert^2 + \lambda\, r(w^+) \;\le\; \lambda\, r(w)$.
# 2. The descent lemma at $x = w^+$: $\;L(w^+) \;\le\; L(w) + g \cdot (w^+ - w) + \tfrac{L_f}{2} \lVert w^+ - w \rVert^2$.
# 3. Add both; $g \cdot (w^+ - w)$ cancels: $\;F(w^+) \;\le\; F(w) - \big( \tfrac{1}{2\eta} - \tfrac{L_f}{2} \big) \lVert w^+ - w \rVert^2$.
# 4. The bracket is not negative, because $\eta \le 1/L_f$. $\square$
#
# Nothing was said about a slope of $r$, or about convexity: the next chapters use this for penalties that have neither. It does not say that $F$
# comes to its lowest value.
#
# **Check** for $L(w) = \tfrac12 \lVert A w - b \rVert^2$. Here $L(x)$ is exactly $L(w) + g \cdot (x - w) + \tfrac12 \lVert A (x - w) \rVert^2$, so $L_f$ is the
# largest singular value of $A$, squared. The penalties are l1 and, as one that is not convex, l0 (next chapter).

# %%
rng = np.random.default_rng(3)
A, b = rng.normal(size=(6, 8)), rng.normal(size=6)
L_f = np.linalg.norm(A, 2) ** 2
x, w = rng.normal(size=(2, 8))


def loss(w):
    return np.sum((A @ w - b) ** 2) / 2


exact = loss(w) + A.T @ (A @ w - b) @ (x - w) + np.sum((A @ (x - w)) ** 2) / 2
np.testing.assert_allclose(loss(x), exact, err_msg="L(x) should be exactly its slope at w and half of ||A (x - w)||^2")
for one in (x, w + np.linalg.svd(A)[2][0]):  # the second: along the largest curvature
    bound = loss(w) + A.T @ (A @ w - b) @ (one - w) + L_f / 2 * np.sum((one - w) ** 2)
    assert loss(one) <= bound + 1e-12, f"the descent lemma says that the loss is at most {bound:.4g}; it is {loss(one):.4g}"
for penalty in (L1(0.3), L0(0.3)):
    for eta in (1 / L_f, 0.4 / L_f):
        w = 3 * rng.normal(size=8)
        for step in range(200):
            new = penalty.prox(w - eta * A.T @ (A @ w - b), step=eta)
            before, after = (loss(one) + penalty.value(one) for one in (w, new))
            bound = before - (1 / (2 * eta) - L_f / 2) * np.sum((new - w) ** 2)
            assert after <= bound + 1e-12, (
                f"line 3 says that F is at most {bound:.4g} after step {step}; with {penalty} and eta = {eta * L_f:.3g}/L_f "
                f"it goes from {before:.4g} to {after:.4g}"
            )
            assert after <= before + 1e-12, (
                f"F should not rise if eta <= 1/L_f; with {penalty} and eta = {eta * L_f:.3g}/L_f it rises in step {step}, "
                f"from {before:.4g} to {after:.4g}"
            )
            w = new
        print(f"{penalty}, eta = {eta * L_f:.2g}/L_f: F has fallen in every step by what line 3 says, or more, to {after:.3f}")

# %% [markdown]
# ## An experiment: five weights out of a hundred
#
# A linear model with 100 weights, of which only 5 are not zero. We see 60 noisy outputs $b = A\,w_{\text{true}} + \text{noise}$, fewer than
# there are weights, and look for
#
# $$\min_w\;\; \tfrac12 \lVert A w - b \rVert^2 + \lambda \lVert w \rVert_1 \qquad A : (60, 100),\;\; w : (100,),\;\; b : (60,)$$
#
# with the gradient of the loss $A^{\mathsf T}(A w - b)$, of shape $(100,)$. Both runs start at random weights and have the same learning rate.

# %%
rng = np.random.default_rng(2)
A = rng.normal(size=(60, 100)) / np.sqrt(60)
w_true = np.zeros(100)
w_true[[10, 30, 45, 70, 85]] = [2, -1.5, 1, -2.5, 1.5]
b = A @ w_true + 0.05 * rng.normal(size=60)  # (60,)
lam = 0.15
lr = 1 / np.linalg.norm(A, 2) ** 2  # the largest curvature of the loss is the largest singular value of A, squared
start = rng.normal(size=100)


def run(step, steps=400):
    w, zeros, objective = start, [], []
    for _ in range(steps):
        zeros.append(np.sum(w == 0))
        objective.append(np.sum((A @ w - b) ** 2) / 2 + L1(lam).value(w))
        w = step(w, A.T @ (A @ w - b))
    return w, zeros, objective


w_slope, zeros_slope, objective_slope = run(lambda w, g: w - lr * (g + lam * np.sign(w)))
w_prox, zeros_prox, objective_prox = run(lambda w, g: L1(lam).prox(w - lr * g, step=lr))
zeros = {"by the slope": zeros_slope, "by the prox": zeros_prox}
draw.five_weights(zeros, {"by the slope": objective_slope, "by the prox": objective_prox}, w_true, w_prox)
print(f"by the slope {zeros_slope[-1]} zeros; by the prox {zeros_prox[-1]}, and the large ones of the rest are:")
print(", ".join(f"w[{i}] = {w_prox[i]:.2f} (true: {w_true[i]:g})" for i in np.flatnonzero(np.abs(w_prox) > 0.2)))

# %% [markdown]
# Three things to see:
#
# - **Left:** the slope alone never makes a single zero. The prox makes most of them.
# - **Middle:** jumping over zero also costs: the slope's run stays above the other.
# - **Right:** the five large weights are found, and **each is too small**. This is the *bias* of the l1 norm, and the reason for
#   [chapter 5](05_hard_thresholding.ipynb).

# %%
rise = np.diff(objective_prox, prepend=objective_prox[0]).max()
assert rise < 1e-9, f"with lr <= 1/L_f the sum should never rise; here lr = {lr:.3g}, and it rises by up to {rise:.3g}"
assert max(zeros_slope) == 0, f"the text says that the slope never makes a zero; here it makes {max(zeros_slope)}"
assert zeros_prox[-1] > 50, f"the text says that the prox makes most weights 0; here {zeros_prox[-1]} of {w_true.size}"
ends = f"the lowest is {min(objective_slope):.4f}, and the prox ends at {objective_prox[-1]:.4f}"
assert min(objective_slope) > objective_prox[-1], f"the text says that the slope's run stays above the other; here {ends}"
found = np.count_nonzero(w_prox[w_true != 0])
assert found == 5, f"the text says that the five large weights are found; here {found} of them are not 0"
small = [f"w[{i}] = {w_prox[i]:.2f} (true: {w_true[i]:g})" for i in np.flatnonzero(w_true) if abs(w_prox[i]) >= abs(w_true[i])]
assert not small, f"the text says that each of the five is too small; here not {', '.join(small)}"

# %% [markdown]
# **How large is the bias?** Not $t$ at every step: soft thresholding takes $t = \eta\lambda$ from a kept weight, and the next gradient step gives back what
# the loss wants. At rest the two balance. Let $S$ be the set of the weights that are not zero, $w_S$ these weights, and $A_S$ their columns of $A$. A
# step that changes nothing has
#
# $$w_S = w_S - \eta\, A_S^{\mathsf T} (A_S w_S - b) - \eta \lambda \operatorname{sign}(w_S) \qquad\text{so}\qquad
# A_S^{\mathsf T} A_S\, w_S = A_S^{\mathsf T} b - \lambda \operatorname{sign}(w_S)$$
#
# If the columns of $A_S$ are independent, least squares on $S$ without a penalty is $(A_S^{\mathsf T} A_S)^{-1} A_S^{\mathsf T} b$. So l1 is off by
#
# $$\lambda\, (A_S^{\mathsf T} A_S)^{-1} \operatorname{sign}(w_S),$$
#
# however large the weights are, and whatever $\eta$ is. If the columns are orthogonal with length 1, that is $\lambda$ for each weight. If not, each
# weight loses another amount.

# %%
w, _, _ = run(lambda w, g: L1(lam).prox(w - lr * g, step=lr), steps=20_000)  # until it is at rest
S = np.flatnonzero(w)
rank = np.linalg.matrix_rank(A[:, S])
assert rank == S.size, (
    f"the formula needs independent columns; here {S.size} weights are not 0, and their columns have the rank {rank}"
)
inverse = np.linalg.inv(A[:, S].T @ A[:, S])  # (|S|, |S|)
bias = lam * inverse @ np.sign(w[S])  # (|S|,)
large = np.isin(S, np.flatnonzero(w_true))
losses = ", ".join(f"{one:.2f}" for one in (bias * np.sign(w[S]))[large])
print(f"{S.size} weights are not 0; the five large ones lose {losses}")
least_squares = inverse @ A[:, S].T @ b  # (|S|,)
np.testing.assert_allclose(w[S], least_squares - bias, atol=1e-10, err_msg="at rest w should be least squares less this bias")
again = L1(lam).prox(w - lr / 3 * A.T @ (A @ w - b), step=lr / 3)
np.testing.assert_allclose(again, w, atol=1e-10, err_msg="a step with another eta should not move w either")
Q = np.linalg.qr(A[:, S])[0]  # (60, |S|), orthogonal columns of length 1
w = np.zeros(S.size)
for _ in range(100):
    w = L1(lam).prox(w - 0.5 * Q.T @ (Q @ w - b), step=0.5)
said = "with orthogonal columns each kept weight should lose lam"
np.testing.assert_allclose((Q.T @ b - w)[w != 0], lam * np.sign(w[w != 0]), atol=1e-10, err_msg=said)

# %% [markdown]
# ## Exercises
#
# In [exercises/04_proximal_operator.ipynb](exercises/04_proximal_operator.ipynb), with a check below each answer.

# %% [markdown] tags=["ex1"]
# **Exercise 1.** Write soft thresholding for an array `v` of any shape, float32 or float64, with a threshold `t` of at least 0. The result
# has the shape and dtype of `v`, and `v` stays as it was. No loop, and without `L1`.


# %% tags=["ex1"]
def soft_threshold(v, t):
    """argmin over x of t |x| + (x - v)^2 / 2, entry by entry."""
    # BEGIN SOLUTION: every entry's best x, without a loop
    return np.sign(v) * np.maximum(np.abs(v) - t, 0)
    # END SOLUTION


# %% tags=["ex1"]
check("04.soft_threshold", soft_threshold)

# %% [markdown] tags=["ex2"]
# **Exercise 2.** Another penalty, $r(x) = \tfrac12 x^2$ (weight decay). Derive its prox as in the chapter, on paper, and write it. Does it
# ever make a zero of a weight that was none?


# %% tags=["ex2"]
def ridge_prox(v, t):
    """argmin over x of t x^2 / 2 + (x - v)^2 / 2, entry by entry: v of any shape, t >= 0."""
    # BEGIN SOLUTION: what you found on paper
    return v / (1 + t)
    # END SOLUTION


# %% tags=["ex2"]
check("04.ridge_prox", ridge_prox)

# %% [markdown] tags=["ex3"]
# **Exercise 3.** Write one proximal gradient step for the penalty $\lambda \lVert w \rVert_1$: the new weights, from `w` and the gradient of the
# loss at `w` (same shape), with the learning rate `lr`. Here you may use `L1`.


# %% tags=["ex3"]
def proximal_gradient_step(w, gradient, lr, lam):
    """The w after one step of length lr on loss + lam ||w||_1."""
    # BEGIN SOLUTION: the new w, of w's shape
    return L1(lam).prox(w - lr * gradient, step=lr)
    # END SOLUTION


# %% tags=["ex3"]
check("04.proximal_gradient_step", proximal_gradient_step)

# %% [markdown]
# ## Summary
#
# - The proximal operator answers: which $x$ is cheap and near $v$? $\operatorname{prox}(v) = \arg\min_x\, t\,r(x) + \tfrac12 (x - v)^2$.
# - For $r(x) = |x|$ it is soft thresholding, $\operatorname{sign}(v) \max(|v| - t, 0)$: small weights become exactly 0, the others
#   shrink by $t$, and nothing jumps.
# - A gradient step takes the slope where it starts, the prox where it arrives. Zeros come from that.
# - $t = $ step $\times\, \lambda$. In a proximal gradient step the step is the learning rate, in the splitting of chapter 11 it is $1/\beta$.
# - A proximal gradient step with $\eta \le 1/L_f$ never makes loss + penalty larger, whatever the penalty is.
# - The price of l1 is its bias: at rest, the kept weights are off by $\lambda (A_S^{\mathsf T} A_S)^{-1} \operatorname{sign}(w_S)$.
