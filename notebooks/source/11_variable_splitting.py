# %% [markdown]
# # 11 Variable splitting: two copies of every weight
#
# *Reading: 40 minutes, and 10 for the optional parts. Exercises: an evening. Needs chapters [3](03_whole_network_gradient.ipynb), [4](04_proximal_operator.ipynb) and
# [5](05_hard_thresholding.ipynb).*
#
# The loss speaks through its gradient: *move this way, by a little*. The penalty speaks through its prox: *be zero, or be left alone*. A gradient
# step moves a zero away from zero; a prox undoes a small step.
#
# **How can one weight obey both?** It can be two: a $w$ that learns, a $v$ that is sparse, and a spring between them.

# %% tags=["setup"]
import numpy as np

from minisgl.course import check, limit_blas_threads

limit_blas_threads()

# %%
import matplotlib.pyplot as plt
from ipywidgets import FloatSlider, interact

from drawings import chapter_11 as draw
from minisgl.course.show_code import show_code
from minisgl.data import mnist
from minisgl.experiments import PRESETS
from minisgl.nn import Flatten, Linear, Network
from minisgl.nn.loss import softmax_cross_entropy
from minisgl.nn.optimizers import SGD, Adam
from minisgl.penalties import L0
from minisgl.solver.refit import Refit
from minisgl.solver.schedules import Continuation, StepSettings, Stepwise
from minisgl.solver.splitting import LayerPenalty, Splitting
from minisgl.training.setup import make_schedule

plt.rcParams["figure.constrained_layout.use"] = True

# %% [markdown]
# ## A picture: two balls and a spring
#
# One weight, as two balls on a line. The loss $\tfrac12 (w - b)^2$ pulls $w$ towards $b = 1.6$. The penalty, an l0 price of $\lambda = 0.5$ for not
# being zero, holds $v$ at 0. A spring of stiffness $\beta$ joins them: its energy is $\tfrac{\beta}{2} (w - v)^2$, its force $\beta (w - v)$.


# %%
def two_steps(w, v, b, *, lam, beta, lr):
    """One iteration for the loss (w - b)^2/2 and l0, entry by entry: the new w, and the new v."""
    w = w - lr * ((w - b) + beta * (w - v))
    return w, L0(lam).prox(w, step=1 / beta)


def path(b, lam, beta, lr, iterations):
    """w and v of one weight, from (0, 0): (2, iterations + 1)."""
    both = [np.zeros((2, 1))]
    for _ in range(iterations):
        both.append(np.stack(two_steps(*both[-1], b, lam=lam, beta=beta, lr=lr)))
    return np.concatenate(both, axis=1)


b = 1.6
at_rest = {beta: path(b, 0.5, beta, 0.1, 300)[:, -1] for beta in (0.3, 4.0)}  # w and v
draw.two_balls(at_rest, b)

# %% [markdown]
# $w$ rests where loss and spring pull equally, $b - w = \beta w$. A soft spring lets it go far, a stiff one keeps it near $v$.
#
# How do they get there? In every iteration $w$ makes a gradient step on loss and spring. Then $v$ becomes $w$ if $|w|$ is above a threshold, else 0:
# the price cannot hold $v$ against every pull. Two weights from $(0, 0)$, with $\beta = 1$:

# %%
paths = {b: path(b, 0.5, 1.0, 0.25, 15) for b in (3.0, 1.6)}  # each (2, 16)
draw.two_paths(paths, t=L0(0.5).threshold(1.0))

# %%
for beta, (w, v) in at_rest.items():
    said = f"the text says that loss and spring pull equally; they pull with {b - w:.3f} and {beta * (w - v):.3f}"
    assert abs((b - w) - beta * (w - v)) < 1e-6, said
left, right = list(paths.values())[:2]  # each (2, 16)
first = np.argmax(left[1] != 0)
assert first == 2, f"the text says that v leaves zero in iteration 2, here it is {first}"
assert abs(left[0, -1] - 3) < 0.1, f"the text says that w learns b = 3, and it is at {left[0, -1]:.3f}"
w, v = right[:, -1]
assert v == 0, f"the text says that v stays zero for b = 1.6, and it is {v:.3f}"
assert abs(w - 0.8) < 1e-3, f"the text says that w stops half way, at 0.8, and it is at {w:.3f}"

# %% [markdown]
# On the left $w$ crosses the threshold in iteration 2, and $v$ jumps onto it. From there on the spring is slack, and $w$ learns as if there were no
# penalty. On the right the spring stops $w$ half way, below the threshold, and a gap remains.
#
# ## By hand
#
# The left panel: $b = 3$, $\lambda = 0.5$, $\beta = 1$, learning rate $\eta = 0.25$. The gradient is $(w - 3) + \beta (w - v)$. The prox has the step
# $1/\beta$, so its threshold is $\sqrt{2 \lambda/\beta} = 1$ ([chapter 5](05_hard_thresholding.ipynb)). The cost is
#
# $$F(w, v) = \tfrac12 (w - 3)^2 + \lambda\,[v \ne 0] + \tfrac{\beta}{2} (w - v)^2$$
#
# | iteration | gradient | new $w$ | new $v$ | $F$ after the first step | $F$ after both |
# |---|---|---|---|---|---|
# | start | | 0 | 0 | | 4.5 |
# | 1 | $-3 + 0 = -3$ | 0.75 | 0 | 2.8125 | 2.8125 |
# | 2 | $-2.25 + 0.75 = -1.5$ | 1.125 | **1.125** | 2.390625 | 2.2578125 |
# | 3 | $-1.875 + 0 = -1.875$ | 1.59375 | 1.59375 | 1.5986328 | 1.4887695 |
#
# In iteration 2 the $v$-step trades a spring of $\tfrac12 \cdot 1.125^2 = 0.633$ for the price of 0.5. $F$ never rises.


# %%
def F_one(w, v, b, lam, beta):
    """Loss, price and spring of one weight, entry by entry."""
    return (w - b) ** 2 / 2 + lam * (v != 0) + beta / 2 * (w - v) ** 2


w, v, table = np.zeros(1), np.zeros(1), []
for _ in range(3):
    old = v
    w, v = two_steps(w, old, 3.0, lam=0.5, beta=1.0, lr=0.25)
    table.append([w[0], v[0], F_one(w, old, 3.0, 0.5, 1.0)[0], F_one(w, v, 3.0, 0.5, 1.0)[0]])
by_hand = [[0.75, 0, 2.8125, 2.8125], [1.125, 1.125, 2.390625, 2.2578125], [1.59375, 1.59375, 1.5986328, 1.4887695]]
np.testing.assert_allclose(table, by_hand, rtol=1e-7, err_msg="the table by hand has other numbers than the two steps")
gradients = np.diff([0, *(row[0] for row in table)]) / -0.25  # (3,)
np.testing.assert_allclose(gradients, [-3, -1.5, -1.875], err_msg="the table by hand has other gradients")
print("the table is right")

# %% [markdown]
# ## The derivation: from one problem to two easy ones
#
# Let $W$ be all weights, of shape $(n,)$, $f$ what can be differentiated (the loss), and $r$ the penalty. We want
#
# $$\min_W\; f(W) + r(W) \qquad\text{which is the same as}\qquad \min_{W, V}\; f(W) + r(V) \;\;\text{with } W = V$$
#
# $f$ and $r$ no longer share a variable. Now loosen the condition: a gap is allowed, and paid for,
#
# $$\boxed{\;F_\beta(W, V) = f(W) + r(V) + \tfrac{\beta}{2} \lVert W - V \rVert^2\;} \qquad W, V : (n,)$$
#
# Go down in one variable at a time, the other held fixed.
#
# **The V-step.** For fixed $W$, $f(W)$ is a constant. Take $\beta$ out of the rest, which moves no lowest point:
#
# $$r(V) + \tfrac{\beta}{2} \lVert W - V \rVert^2 = \beta \Big[ \tfrac1\beta\, r(V) + \tfrac12 \lVert V - W \rVert^2 \Big]
# \qquad\Longrightarrow\qquad V \leftarrow \operatorname{prox}_{r/\beta}(W)$$
#
# It is a prox with the step $s = 1/\beta$, and solves its half of the problem exactly.
#
# **The W-step.** For fixed $V$, $r(V)$ is a constant. The spring is $\tfrac{\beta}{2} \sum_i (W_i - V_i)^2$, with the derivative
# $\beta (W_i - V_i)$ in $W_i$. So
#
# $$G = \nabla f(W) + \beta (W - V), \qquad W \leftarrow W - \eta\, G \qquad G : (n,)$$
#
# **Why not a proximal gradient step**, as in [chapter 4](04_proximal_operator.ipynb)? It has only one copy, so a dropped weight has no memory.
# From 0 it gets to $-\eta g$, and l0 drops that again unless $\eta |g| > \sqrt{2 \eta \lambda}$, so $|g| > \sqrt{2 \lambda / \eta}$: in one
# leap or never. Here $W$ goes on learning while $V$ is zero. And $W$ may use any optimiser, since the prox has a step of its own.
#
# In minisgl $f$ is the loss and the group lasso of [chapter 8](08_groups.ipynb). Biases belong to $W$ and have no $V$.
#
# ## What W sees
#
# Let $V$ always be at its best. Then $W$ feels $f(W) + e_\beta(W)$ with $e_\beta(W) = \min_V\, r(V) + \tfrac{\beta}{2}\lVert W - V \rVert^2$, the
# **Moreau envelope** of $r$ ([chapter 4](04_proximal_operator.ipynb) has that of l1). For l0 and one weight there are two candidates, $v = 0$ for
# $\tfrac{\beta}{2} w^2$ and $v = w$ for $\lambda$:
#
# $$e_\beta(w) = \min\big( \tfrac{\beta}{2} w^2,\; \lambda \big)$$
#
# The price, which has no useful slope, becomes a well with walls. A larger $\beta$ makes the well narrower, and nothing else. On the right, with the
# loss $\tfrac12 (w - 1.6)^2$, there are two valleys.

# %%
w, lam = np.linspace(-3, 3, 1201), 0.5  # (1201,)
e = {}  # beta: (1201,)
for beta in (0.5, 1.0, 4.0, 25.0):
    e[beta] = F_one(w, L0(lam).prox(w, step=1 / beta), b=w, lam=lam, beta=beta)  # b = w takes the loss away
draw.envelopes(w, e, {beta: (w - 1.6) ** 2 / 2 + e[beta] for beta in (1.0, 4.0)}, lam)

# %%
for beta, one in e.items():
    np.testing.assert_allclose(one, np.minimum(beta / 2 * w**2, lam), err_msg=f"e should be the formula's, at beta = {beta}")
    any_v = F_one(w[::20], w[:, None], w[::20], lam, beta).min(axis=0)  # (61,): the best of 1,201 v
    np.testing.assert_allclose(any_v, one[::20], atol=1e-12, err_msg="a v costs less than the prox with the step 1/beta")
from_0 = L0(lam).prox(0.3 * w, step=0.3)  # (1201,): a proximal gradient step from 0, with eta = 0.3 and g = -w
kept = np.abs(w) > np.sqrt(2 * lam / 0.3)  # (1201,)
np.testing.assert_array_equal(from_0 != 0, kept, err_msg="from 0 a weight should get away only if |g| > sqrt(2 lam/eta)")

# %% [markdown]
# ## One weight, from every start
#
# Where do the two steps stand still, if $b > 0$? Let $t = \sqrt{2\lambda/\beta}$ be the threshold.
#
# - *Kept, $v = w$.* The spring is slack, so $G = w - b = 0$: $w = b$. The V-step agrees if $b > t$. Cost: $F = \lambda$.
# - *Dropped, $v = 0$.* $G = w - b + \beta w = 0$: $w = \frac{b}{1 + \beta}$. The V-step agrees if $\frac{b}{1 + \beta} \le t$. Cost:
#
# $$F = \tfrac12 \Big( \frac{b}{1 + \beta} - b \Big)^2 + \frac{\beta}{2} \Big( \frac{b}{1 + \beta} \Big)^2 = \frac{b^2}{2} \cdot \frac{\beta^2 + \beta}{(1 + \beta)^2} = \frac{b^2}{2} \cdot \frac{\beta}{1 + \beta}$$
#
# For $t < b \le (1 + \beta)\, t$ both exist, and the start decides. Below, every start $(w, v)$ in the plane: shaded, those from which the two steps
# end at the dropped point. On the paths a W-step goes sideways, a V-step up or down.

# %%
grid = np.linspace(-2.5, 3.5, 241)  # (241,)


def from_every_start(beta, lam, b=1.6, lr=0.1):
    """beta, lam, t, the grid, which starts are dropped (241, 241), four paths (301, 2), and where the steps stand still."""
    w, v = np.meshgrid(grid, grid)  # each (241, 241)
    for _ in range(150):
        w, v = two_steps(w, v, b, lam=lam, beta=beta, lr=lr)
    dropped, t, paths = v == 0, L0(lam).threshold(1 / beta), []
    for start in ((-2.0, 2.0), (0.2, 3.0), (3.0, -2.0), (-0.5, -1.8)):
        w, v = (np.array([number]) for number in start)
        one = [(*w, *v)]
        for _ in range(150):
            old = v
            w, v = two_steps(w, v, b, lam=lam, beta=beta, lr=lr)
            one += [(*w, *old), (*w, *v)]
        paths.append(np.array(one))
    ends = [(b / (1 + beta), 0.0)] * (b / (1 + beta) <= t) + [(b, b)] * (b > t)
    return beta, lam, t, grid, dropped, paths, ends


panels = [from_every_start(beta, 0.5) for beta in (0.3, 1.0, 4.0)]
draw.starts(panels)

# %% [markdown]
# On the left $t$ is above $b$: everything is dropped. In the other two a straight line cuts the plane: where the first W-step leads above $t$, the
# weight is kept, else dropped. **From $(0, 0)$ it is dropped in all three, also where keeping would cost less.** For from there $w$ climbs to
# $\frac{b}{1+\beta}$, and is dropped if
#
# $$b \;\le\; (1 + \beta)\, t \;=\; \sqrt{2\lambda}\, \Big( \frac{1}{\sqrt\beta} + \sqrt\beta \Big)$$
#
# The bracket is $2 + (\beta^{1/4} - \beta^{-1/4})^2$, so it is least
# at $\beta = 1$, the curvature of the loss.

# %%
for beta, lam, t, _, dropped, *_ in panels:  # which starts are kept: those that the first W-step leads above t
    first = two_steps(*np.meshgrid(grid, grid), 1.6, lam=lam, beta=beta, lr=0.1)[0]  # (241, 241)
    message = f"the text says that the first W-step decides, at beta = {beta}"
    np.testing.assert_array_equal(~dropped, (first > t) & (t < 1.6), err_msg=message)
    b = np.linspace(0.05, 3.95, 40)  # (40,), each from (0, 0)
    w, v = np.zeros((2, 40))
    for _ in range(500):
        w, v = two_steps(w, v, b, lam=lam, beta=beta, lr=0.1)
    edge, cost = np.sqrt(2 * lam) * (1 / np.sqrt(beta) + np.sqrt(beta)), 1.6**2 / 2 * beta / (1 + beta)
    np.testing.assert_array_equal(v != 0, b > edge, err_msg=f"from (0, 0) a weight should be kept if b > {edge:.2f}")
    np.testing.assert_allclose(edge, np.sqrt(2 * lam * (2 + (beta**0.25 - beta**-0.25) ** 2) ** 2), err_msg="the bracket")
    at_rest = F_one(np.array([1.6 / (1 + beta), 1.6]), np.array([0, 1.6]), 1.6, lam, beta)  # (2,)
    np.testing.assert_allclose(at_rest, [cost, lam], err_msg="what the dropped and the kept weight cost")
    print(f"beta = {beta}: from (0, 0) kept if b > {edge:.2f}; for b = 1.6 dropped costs {cost:.2f}, kept {lam:.2f}")

# %% [markdown]
# With a running kernel, move $\beta$ and $\lambda$.

# %%
_ = interact(
    lambda beta, lam: draw.starts([from_every_start(beta, lam)]),
    beta=FloatSlider(value=1.0, min=0.2, max=6.0, step=0.2),
    lam=FloatSlider(value=0.5, min=0.1, max=2.0, step=0.1),
)

# %% [markdown]
# ## The code
#
# The package's two steps work on blocks of the flat vector of all parameters. The group scales are the group lasso's factors
# ([chapter 8](08_groups.ipynb)).

# %%
show_code(Splitting._add_gradient, Splitting.update_w, Splitting.prox_steps, Splitting.update_v)

# %% [markdown]
# Not in the box: the optimiser, which need not be plain gradient descent; layers without $r$, where $V$ is $W$ and there is no spring; `decay`,
# optional weight decay; and `thresholds` (below). The rest is $G$, and the prox with the step $1/\beta$.
#
# ## It goes down: the theorem
#
# **Assume** that $f \ge 0$ has a gradient which does not change too fast: for some $L_f$ and all $A, B$ of shape $(n,)$
#
# $$\lVert \nabla f(A) - \nabla f(B) \rVert \le L_f \lVert A - B \rVert$$
#
# and that $r \ge 0$. Let $\beta$ and $\eta$ be fixed, with $\eta < \frac{2}{L_f + \beta}$. **Then** $F_\beta$ never rises, and the W-step from $W_k$
# to $W_{k+1}$ lowers it by at least
#
# $$c\, \lVert W_{k+1} - W_k \rVert^2 \qquad\text{where}\quad c = \frac1\eta - \frac{L_f + \beta}{2} > 0$$
#
# **What follows.** Add up the first $K$ iterations. $F_\beta \ge 0$, so there is no more to lose than $F_\beta(W_0, V_0) = F_0$:
#
# $$c \sum_{k=0}^{K-1} \lVert W_{k+1} - W_k \rVert^2 \;\le\; F_0 \qquad\text{for every } K$$
#
# The sum of the squares is finite, so **the steps go to zero**, and with them $G_k = -(W_{k+1} - W_k)/\eta$. And the smallest of $K$ numbers is at
# most their mean: $\min_{k < K} \lVert G_k \rVert^2 \le \frac{F_0}{c\, \eta^2 K}$.
#
# **Is it the largest step?** For the one weight above, $L_f = 1$. While $v = 0$, the distance of $w$ from its lowest point $\frac{b}{1+\beta}$ is
# multiplied by $1 - \eta (1 + \beta)$ in each W-step. Beyond $\eta = \frac{2}{1 + \beta}$ that is below $-1$: the distance grows, and $F$ with it. No
# larger step is safe for every $f$.
#
# ### The proof (optional)
#
# **Step 1: how far a gradient can be trusted.** Walk from $W$ to $W + D$ on a straight line, and let $\varphi(\tau) = f(W + \tau D)$, $\tau$
# from 0 to 1. By the chain rule $\varphi'(\tau) = \nabla f(W + \tau D) \cdot D$. A function is the integral of its derivative, so
#
# $$f(W + D) - f(W) = \int_0^1 \nabla f(W + \tau D) \cdot D \, d\tau = \nabla f(W) \cdot D + \int_0^1 \big( \nabla f(W + \tau D) - \nabla f(W) \big) \cdot D \, d\tau$$
#
# In the last integral, $a \cdot D \le \lVert a \rVert \lVert D \rVert$ and the assumption give at most
# $L_f \lVert \tau D \rVert \lVert D \rVert = L_f\, \tau \lVert D \rVert^2$, and $\int_0^1 \tau\, d\tau = \tfrac12$:
#
# $$f(W + D) \;\le\; f(W) + \nabla f(W) \cdot D + \tfrac{L_f}{2} \lVert D \rVert^2 \qquad\text{(the descent lemma)}$$
#
# **Step 2: the spring**, multiplied out, is exact:
#
# $$\tfrac{\beta}{2} \lVert W + D - V \rVert^2 = \tfrac{\beta}{2} \lVert W - V \rVert^2 + \beta (W - V) \cdot D + \tfrac{\beta}{2} \lVert D \rVert^2$$
#
# **Step 3: the W-step.** Add both; $r(V)$ stays. The two terms with a single $D$ make $G \cdot D$. The step is $D = -\eta\, G$, so
# $G \cdot D = -\lVert D \rVert^2/\eta$:
#
# $$F_\beta(W + D, V) \;\le\; F_\beta(W, V) + G \cdot D + \tfrac{L_f + \beta}{2} \lVert D \rVert^2 \;=\; F_\beta(W, V) - c\, \lVert D \rVert^2$$
#
# **Step 4: the V-step** takes for $V$ what makes $F_\beta(W_{k+1}, V)$ least. The old $V$ was a candidate. So $F_\beta$ cannot rise. $\square$
#
# ## A loss whose $L_f$ we know
#
# Handwritten digits, 500 of them, made smaller to $14 \times 14$ pixels, and a single linear layer with softmax cross-entropy. Let $x_n : (197,)$ be
# the pixels of an image and a 1 (for the bias), and $C = \tfrac1N \sum_n x_n x_n^{\mathsf T} : (197, 197)$. The loss has no second derivative above
# $\tfrac12 \lambda_{\max}(C)$ (the appendix at the end derives it). A little weight decay,
# $\tfrac{\mu}{2} \lVert M \rVert^2$ with $\mu = 0.01$, adds $\mu$. Together $L_f = \tfrac12 \lambda_{\max}(C) + \mu$.

# %%
MU, LAM, BETA = 0.01, 0.0005, 0.1
train = mnist.load()[0]


def small(images):
    """Means of 2 x 2 pixels: (N, 1, 28, 28) -> (N, 1, 14, 14), in float64."""
    return images.reshape(-1, 1, 14, 2, 14, 2).mean(axis=(3, 5), dtype=np.float64)


images, labels = small(train.images[:500]), train.labels[:500]  # (500, 1, 14, 14), (500,)
other_images, other_labels = small(train.images[500:2500]), train.labels[500:2500]


def f(network, images=images, labels=labels):
    """Cross-entropy and weight decay: the value, and the gradient (1970,)."""
    logits, tape = network.forward(images)  # (N, 10)
    loss, dlogits = softmax_cross_entropy(logits, labels)
    gradient, _ = network.backward(dlogits, tape)
    return float(loss) + MU / 2 * network.flat @ network.flat, gradient + MU * network.flat


def linear_layer(flat):
    return Network({"flatten": Flatten(), "fc": Linear(196, 10)}, (1, 14, 14), flat)


X = np.column_stack([images.reshape(500, 196), np.ones(500)])  # (500, 197)
L_f = np.linalg.eigvalsh(X.T @ X / 500)[-1] / 2 + MU
print(f"L_f = {L_f:.3f}, the largest safe step {2 / (L_f + BETA):.3f}")

# %% [markdown]
# Now the two steps, with minisgl's own `Splitting`: all 500 images in every step, $\lambda = 0.0005$, $\beta = 0.1$, so $t = 0.1$. (Biases have
# no spring, so less curvature.) The prediction: no rise, and in a W-step by $D$ a drop of at least $c \lVert D \rVert^2$.


# %%
def run(settings, optimizer=SGD, batch=None):
    """From zero, two steps for each of the settings (lr, beta, thresholds): the splitting, and what was measured.

    F: before each W-step, with that step's beta; half: between W-step and V-step; step: ||D||; gap: ||W - V||; zeros of V, in percent.
    """
    rng, flat = np.random.default_rng(1), np.zeros(1970)
    splitting = Splitting(linear_layer(flat), optimizer(flat), {"fc": LayerPenalty(sparse=L0(LAM))})
    network, seen = splitting.network, {name: [] for name in ("F", "half", "step", "gap", "zeros")}
    value, gradient = f(network)
    for lr, beta, thresholds, *_ in settings:
        seen["F"].append(value + splitting.regularizer(beta))
        if batch:
            few = rng.choice(500, batch, replace=False)
            gradient = f(network, images[few], labels[few])[1]
        before = network.flat.copy()
        splitting.w_step(gradient, lr, beta)
        value, gradient = f(network)
        seen["half"].append(value + splitting.regularizer(beta))
        splitting.v_step(beta, thresholds)
        seen["step"].append(np.linalg.norm(network.flat - before))
        seen["gap"].append(np.linalg.norm(network.weights - splitting.v))
        seen["zeros"].append(100 * np.mean(splitting.v == 0))
    return splitting, {name: np.array(numbers) for name, numbers in seen.items()}


eta = 1 / (L_f + BETA)
c = 1 / eta - (L_f + BETA) / 2
_, seen = run([StepSettings(eta, BETA)] * 400)
both = np.stack([seen["F"], seen["half"]], axis=1).ravel()  # (800,): before, between, before, ...
drop, promised = seen["F"] - seen["half"], c * seen["step"] ** 2  # each (400,)
least = np.minimum.accumulate((seen["step"] / eta) ** 2)  # (400,)
bound = both[0] / (c * eta**2 * np.arange(1, 401))  # (400,)
draw.descent(both, drop, promised, least, bound)

# %%
assert c > 0, f"the theorem needs c > 0, so eta below {2 / (L_f + BETA):.3f}; here c = {c:.3f}"
assert np.all(np.diff(both) <= 1e-14), f"the theorem says that F never rises; here it rises by up to {np.diff(both).max():.1e}"
assert np.all(drop >= promised), f"a W-step lowers F by only {np.min(drop / promised):.2f} of the promised c ||D||^2"
total = promised.sum()
assert total <= both[0], f"the promised drops add up to {total:.3f}, more than the F_0 = {both[0]:.3f} that there is to lose"
w, rest = np.array([2.0]), 1.6 / 1.5  # one weight, beta = 0.5 and v = 0, with a step that is 5 % too large
further, _ = two_steps(w, 0 * w, 1.6, lam=9, beta=0.5, lr=1.05 * 2 / 1.5)
np.testing.assert_allclose(further - rest, (1 - 1.05 * 2) * (w - rest), err_msg="the distance times 1 - eta (1 + beta)")
assert np.all(least <= bound), f"the smallest ||G||^2 is {np.max(least / bound):.2f} times its bound"

# %% [markdown]
# ## Where it fails
#
# Take one assumption away at a time. Orange: where $F$ (over all images) is higher than before. The panels are cut off at 1.25; the counts are of all
# 300 iterations.
#
# - **A step that is too large**: $c > 0$ fails. Beyond the safe step the proof says nothing; far beyond it, $F$ rises.
# - **Adam.** Its step is not $-\eta\, G$: every weight has its own learning rate and momentum.
# - **Mini-batches.** The step goes down on its own batch, which is not $f$.
# - **A growing $\beta$.** It is another function. At every growth from $\beta$ to $\beta'$, $F$ rises at once by
#   $\tfrac{\beta' - \beta}{2} \lVert W - V \rVert^2$. In between it falls.

# %%
growing = Stepwise(lr=0.3, lr_drops=(), beta=BETA, growth=1.5, beta_every=60)
grown = [growing.at(step, steps_per_epoch=1, steps=300) for step in range(300)]
safe = 2 / (L_f + BETA)
trials = {
    "eight times the safe step": run([StepSettings(8 * safe, BETA)] * 300)[1],
    "Adam, lr 0.1": run([StepSettings(0.1, BETA)] * 300, Adam)[1],
    "mini-batches of 50": run([StepSettings(safe / 2, BETA)] * 300, batch=50)[1],
    "beta grows by half every 60 steps": run(grown)[1],
}
rises = {name: np.flatnonzero(np.diff(seen["F"]) > 1e-9) + 1 for name, seen in trials.items()}
draw.rises({name: (seen["F"], rises[name]) for name, seen in trials.items()})

# %%
for name, where in rises.items():
    assert len(where) > 0, f"the text says that F may rise: {name}; here it does not"
assert all(each.lr < 2 / (L_f + each.beta) for each in grown), f"the growing beta, up to {grown[-1].beta:.2f}, needs a safe lr"
(*_, where), (*_, seen) = rises.values(), trials.values()  # of the growing beta
assert list(where) == [60, 120, 180, 240], f"F should rise only where beta grows, and it rises at {list(where)}"
for k in where:
    jump = (grown[k].beta - grown[k - 1].beta) / 2 * seen["gap"][k - 1] ** 2
    assert seen["F"][k] <= seen["half"][k - 1] + jump + 1e-14, "a growth should add the jump, less what the V-step took"
gentle = run([StepSettings(0.01, BETA)] * 300, Adam)[1]["F"]
print(f"Adam with lr 0.01: {np.sum(np.diff(gentle) > 1e-9)} rises")

# %% [markdown]
# Outside the theorem $F$ may rise; it need not, as Adam shows with a smaller learning rate. minisgl trains with Adam, mini-batches and a changing
# $\beta$, and so did the paper: for such a run the theorem is no promise. A network adds three more gaps.
#
# - *Depth.* Take two weights in a row, $f(a, b) = \tfrac12 (a b - 1)^2$. Its gradient in $a$ is $b (a b - 1)$, and its second derivative $b^2$, as
#   large as we like, so no $L_f$ holds for all $A, B$. But the proof uses $L_f$ only on the lines that the
#   steps walk along. If the iterates stay in a bounded convex set on which $\nabla f$ has such a constant, it holds with the constant of that set.
# - *ReLUs.* The gradient of the loss jumps, so there is no $L_f$ even on a bounded set.
# - *The group lasso* on $W$: the gradient of $\lVert w \rVert$ is $w/\lVert w \rVert$, of length 1 on both sides of zero and turned round between
#   them, however near they are.

# %%
for b in (1.0, 10.0, 100.0):
    left, here, right = (((a * b - 1) ** 2) / 2 for a in (2.0, 3.0, 4.0))  # a parabola in a
    found, formulas = [(right - left) / 2, right - 2 * here + left], [b * (3 * b - 1), b**2]
    np.testing.assert_allclose(found, formulas, err_msg=f"the two derivatives in a, at a = 3 and b = {b}")

# %% [markdown]
# ## Limit points
#
# Where does it go? A *limit point* $(W^*, V^*)$ is what some subsequence $(W_k, V_k)$ converges to. Assume besides that $r$ does not jump *up* in a
# limit ("lower semicontinuous"); continuous penalties and l0 do not. **Then** every limit point of the two steps has
#
# $$\nabla f(W^*) + \beta\, (W^* - V^*) = 0 \qquad\text{and}\qquad V^* \in \operatorname{prox}_{r/\beta}(W^*)$$
#
# (At a tie the prox has two values; $V^*$ is one of them.)
#
# *Is there one?* Yes, if the $W_k$ stay bounded, and here they do: $\tfrac{\mu}{2} \lVert W_k \rVert^2 \le F_k \le F_0$, and the spring bounds $V_k$.
# Without the weight decay they need not, with l0.
#
# **What it says for l0.** Entry by entry, with $\partial_i f$ the entries of $\nabla f(W^*)$ and $t = \sqrt{2\lambda/\beta}$:
#
# - kept: $V^*_i = W^*_i$, so $\partial_i f = 0$. Kept weights bear no pull at all.
# - dropped: $V^*_i = 0$, so $W^*_i = -\partial_i f/\beta$, and $|W^*_i| \le t$ means $|\partial_i f| \le \beta t = \sqrt{2 \lambda \beta}$. That is
#   all the force with which the price can hold a $v$.
#
# **It does not say that $W = V$:**
#
# $$W^* - V^* = -\tfrac{1}{\beta} \nabla f(W^*)$$
#
# The gap is what the loss still pulls with, over the stiffness of the spring. A larger $\beta$, fixed from the start, makes it smaller: always
# $\tfrac{\beta}{2} \lVert W_k - V_k \rVert^2 \le F_0$, so $\lVert W_k - V_k \rVert \le \sqrt{2 F_0/\beta}$, and $F_0 = f(W_0) + r(W_0)$ does not depend on
# $\beta$ if the run starts with $V_0 = W_0$.
#
# **Check**, after 3,000 iterations with one fixed $\beta$:

# %%
settled, seen = run([StepSettings(0.95 * safe, BETA)] * 3000)
W, V = settled.network.weights.copy(), settled.v  # each (1960,)
gradient = f(settled.network)[1][:1960]  # without the biases
kept = V != 0
pull, most = np.abs(gradient[kept]).max(initial=0), np.sqrt(2 * LAM * BETA)
np.testing.assert_allclose(most, BETA * 0.1, err_msg="sqrt(2 lam beta) should be beta t, with the t = 0.1 of the text")
print(f"{kept.sum()} of 1960 kept; gap {np.linalg.norm(W - V):.3f}, gradient / beta {np.linalg.norm(gradient) / BETA:.3f}")
print(f"largest slope of the loss: kept {pull:.1e}, dropped {np.abs(gradient[~kept]).max():.4f} <= {most:.4f}")
np.testing.assert_allclose(W - V, -gradient / BETA, atol=1e-5, err_msg="the gap should be -gradient/beta")
np.testing.assert_array_equal(V[kept], W[kept], err_msg="where V is kept it should be W")
assert pull < 1e-6, f"kept weights should bear no pull, and the largest is {pull:.1e}"
np.testing.assert_array_equal(V, L0(LAM).prox(W, step=1 / BETA), err_msg="V should be the prox of W with the step 1/beta")
settled.w_step(f(settled.network)[1], 0.2, BETA)
by_box = W - 0.2 * (gradient + BETA * (W - V))  # (1960,)
np.testing.assert_allclose(settled.network.weights, by_box, atol=1e-12, err_msg="the package's W-step should be W - eta G")
decay = MU / 2 * W @ W
assert decay <= seen["F"].min(), f"mu/2 ||W||^2 = {decay:.3f} should be at most F, which is {seen['F'].min():.3f} in the end"
jump = settled.regularizer(0.3) - settled.regularizer(BETA)
np.testing.assert_allclose(jump, (0.3 - BETA) / 2 * np.sum((by_box - V) ** 2), err_msg="how much F rises as beta grows to 0.3")
assert np.abs(gradient[~kept]).max() <= most, f"a dropped weight should bear no more than sqrt(2 lam beta) = {most:.4f}"

# %% [markdown]
# ### The proof (optional)
#
# *Of the first.* $G_k = \nabla f(W_k) + \beta (W_k - V_k) \to 0$ as shown, and along the subsequence it goes to
# $\nabla f(W^*) + \beta (W^* - V^*)$, since $\nabla f$ is continuous.
#
# *Of the second.* $V_k$ is the best for $W_k$: for every $U : (n,)$
#
# $$r(V_k) + \tfrac{\beta}{2} \lVert W_k - V_k \rVert^2 \;\le\; r(U) + \tfrac{\beta}{2} \lVert W_k - U \rVert^2$$
#
# Go to the limit. The right side goes to $r(U) + \tfrac{\beta}{2} \lVert W^* - U \rVert^2$. On the left the square converges, and $r(V^*)$ is at most
# $\liminf r(V_k)$, the smallest value that infinitely many of the $r(V_k)$ come as close to as we like: this is what "lower semicontinuous" means.
# So $r(V^*) + \tfrac{\beta}{2} \lVert W^* - V^* \rVert^2$ is at most the right side, for every $U$: $V^*$ is a best one for $W^*$. $\square$
#
# *Why l0 is lower semicontinuous.* An entry of $V^*$ that is not zero is not zero in $V_k$ either, from some $k$ on. Entries may *become* zero in the
# limit ($1, \tfrac12, \tfrac13, \dots$), but then the price falls.
#
# ### What else can be said, and what not (optional)
#
# *A local minimum.* If $f$ is convex and $r$ is l0, a limit point is a local minimum of $F_\beta$: near it a $V$ with another entry that is not zero
# pays $\lambda$ more at once, while the rest of $F$ moves by as little as we like; and among those $V$ with the same zeros $F$ is a convex function of
# all entries that are left, with slope zero. It need not be the global one: from $(0, 0)$ the one weight above was dropped where keeping was cheaper.
#
# *Only one limit point?* For that one needs more. If the iterates are bounded, $\nabla f$ has a constant $L_f$ where they are, and $F_\beta$ is made of
# polynomials, exponentials and logarithms by finitely many operations (or is *definable* in another way), then the whole sequence converges: Attouch,
# Bolte and Svaiter, Math. Program. 137 (2013) 91, show this for descent methods like ours, from the inequality of Kurdyka and Łojasiewicz. A network
# with ReLUs is outside that too.
#
# *$\beta \to \infty$?* Let $F^*$ be the least $f + r$ for one network, $W = V$. There the spring costs nothing, so a **minimiser** of $F_\beta$ costs
# at most $F^*$, and its gap is at most $\sqrt{2 F^*/\beta}$: it closes. For the **iterates** of a run in which $\beta$ grows this does not follow. Every
# growth raises $F$, so $F_0$ no longer bounds it, and the step must stay below $\frac{2}{L_f + \beta}$: the learning rate has to fall as $\beta$ grows.
# With a fixed $\eta$ and $\eta \beta > 2$ the spring alone throws a dropped weight further out in every W-step, until it is kept.
#
# **Check** of the minimiser's gap, for a single weight:

# %%
for b in (0.5, 1.0, 1.5, 3.0):  # f is (w - b)^2/2, r is [v != 0], of lam 1
    least_of_one = min(1, b**2 / 2)  # F^*: w = v = b, or w = v = 0
    for beta in (0.1, 1, 10, 1000):
        if beta * b**2 / (2 * (1 + beta)) < 1:  # the best w for v = 0 is b/(1 + beta); for v != 0 it is b, and costs 1
            gap, bound = b / (1 + beta), np.sqrt(2 * least_of_one / beta)
            assert gap <= bound, f"the minimiser's gap {gap:.3f} should be at most sqrt(2 F*/beta) = {bound:.3f}"
away, _ = two_steps(np.array([1.0]), np.zeros(1), 0.0, lam=1e9, beta=25.0, lr=0.1)  # eta beta = 2.5
assert abs(away[0]) > 1, f"with eta beta > 2 the spring should throw w = 1 further out, and it goes to {away[0]:.2f}"

# %% [markdown]
# ## W meets V
#
# The same run with several $\beta$, each fixed, $\lambda$ as it was. A point for each weight: $W_i$ to the right, $V_i$ upwards.

# %%
ends, f_at_start = {}, {}
for beta in (0.025, 0.1, 0.4):
    splitting, seen = run([StepSettings(1.9 / (L_f + beta), beta)] * 700)
    ends[beta] = splitting.network.weights, splitting.v, L0(LAM).threshold(1 / beta), seen["gap"]
    f_at_start[beta] = seen["F"][0]
draw.w_meets_v(ends)

# %%
for beta, (_, _, _, gaps) in ends.items():
    most = np.sqrt(2 * f_at_start[beta] / beta)
    assert np.all(gaps <= most), f"beta = {beta}: the gap, {gaps.max():.2f}, should be below sqrt(2 F_0/beta) = {most:.2f}"
s, W = 0.3**2 / (2 * LAM), np.linspace(-1, 1, 2000)  # the step for the threshold tau = 0.3, (2000,)
np.testing.assert_allclose(L0(LAM).step_for(0.3), s, err_msg="for l0 the step should be tau^2/(2 lam)")
np.testing.assert_allclose(s * 0.4 * LAM, 0.4 * 0.3**2 / 2, err_msg="the price at beta = 0.4 should be beta tau^2/2")
other_price = L0(s * 0.4 * LAM).prox(W, step=1 / 0.4)  # (2000,)
np.testing.assert_array_equal(L0(LAM).prox(W, s), other_price, err_msg="it should be the V-step for the price s beta lam")
last = [float(gaps[-1]) for *_, gaps in ends.values()]
assert last[-1] == min(last), f"the text says that the stiffest spring has the smallest gap: {np.round(last, 2)}"
kept_shares = [float(np.mean(V != 0)) for _, V, *_ in ends.values()]
assert np.argmax(kept_shares) == 1, f"the text says that the spring in the middle keeps most: {np.round(kept_shares, 3)}"

# %% [markdown]
# The stiffer spring has the smaller gap. As for the single weight, the one in the middle keeps most: the soft one has a higher threshold, the stiff
# one holds weights back. So the spring should be soft at first, for weights to learn, and stiff in the end, for $W$ and $V$ to be one network. Two ways:
#
# - **The paper's.** $s = 1/\beta$, and $\beta$ grows by a factor every few epochs. The threshold $\sqrt{2\lambda/\beta}$ falls as it does.
# - **Continuation.** The threshold $\tau$ itself climbs from 0 on a ramp, and then $\beta$ rises. Each prox gets the step $s$ that has this
#   threshold, for l0 $s = \tau^2/(2\lambda)$. It is still a V-step, for another price:
#
# $$\operatorname{prox}_{s\, r}(W) = \operatorname{prox}_{(s \beta\, r)/\beta}(W)$$
#
# minimises $F_\beta$ with $s\beta\, r$ in place of $r$. For l0 the price of a weight is then $s \beta \lambda = \tfrac{\beta \tau^2}{2}$: it begins
# at 0, and rises with $\tau$ and with $\beta$.
#
# Both as in minisgl's presets for LeNet-5, 600 batches an epoch:

# %%
curves = {}
for name in ("paper", "quick"):
    config = PRESETS[name]
    schedule, steps = make_schedule(config, ["fc1"]), 600 * config.epochs
    settings = [schedule.at(step, 600, steps) for step in range(0, steps, 50)]
    thresholds = [s.thresholds["fc1"] if s.thresholds else L0(config.penalty.lam).threshold(1 / s.beta) for s in settings]
    curves[f"{name} ({config.epochs} epochs)"] = [s.lr for s in settings], [s.beta for s in settings], thresholds
draw.schedules(curves)

# %% [markdown]
# And both on our digits, 600 iterations each, with a $\beta$ for this problem; errors are on 2,000 other digits.

# %%
regimes = {
    "paper": Stepwise(lr=0.3, lr_drops=(), beta=0.1, growth=1.25, beta_every=120),
    "continuation": Continuation(lr=0.38, beta=0.02, rise=500, thresholds={"fc": 0.2}, ramp=0.5),
}


def error(network):
    """Percent of the other digits that it gets wrong."""
    return 100 * np.mean(network.forward(other_images)[0].argmax(axis=1) != other_labels)


curves, steps_of = {}, {}
for name, schedule in regimes.items():
    steps_of[name] = [schedule.at(step, steps_per_epoch=1, steps=600) for step in range(600)]
    splitting, seen = run(steps_of[name])
    curves[name] = seen["gap"], seen["zeros"]
    errors = f"error of W {error(splitting.network):.1f} %, of V {error(splitting.reported('v')):.1f} %"
    print(f"{name:>12}: {errors}, gap {seen['gap'][-1]:.2f}, zeros {seen['zeros'][-1]:.0f} %")
print(f"{np.mean(images.max(axis=0) == 0):.0%} of the pixels are black in all 500 digits: their weights stay zero")
draw.regimes(curves)

# %%
for name, settings in steps_of.items():
    highest = max(each.lr * (L_f + each.beta) for each in settings)
    assert highest < 2, f"{name}: the step should stay below 2/(L_f + beta), and lr (L_f + beta) is up to {highest:.2f}"
(gaps, zeros), (ramp_gaps, ramp_zeros) = curves.values()  # (600,) each
assert zeros[10] > 95, f"in the paper's regime V should be almost all zero at first; {zeros[10]:.0f} % are"
at_growth = gaps[119::120].round(2)  # (5,)
assert np.all(np.diff(at_growth) < 0), f"the gap should fall with each growth of beta, and it is {at_growth}"
assert gaps[-1] > 5 * ramp_gaps[-1], f"the paper's gap should stay: {gaps[-1]:.2f}, with continuation {ramp_gaps[-1]:.2f}"
assert ramp_gaps.argmax() == 300, f"the gap should grow on the ramp, to 300, and it does to {ramp_gaps.argmax()}"
assert np.all(np.diff(ramp_zeros) >= 0), "in continuation no weight should come back"

# %% [markdown]
# In the paper's regime $V$ is almost all zero at first, since $W$ starts at zero. The gap falls a little with each growth of $\beta$, and stays: $W$
# and $V$ remain two networks (the paper keeps $W$). In continuation weights are dropped one after the other. The gap grows on the ramp, and closes
# when $\beta$ rises: almost one network, and minisgl keeps $V$. (The runs have different numbers of zeros, so they do not tell which network is
# better.)
#
# **A refit** can follow. $W$ was trained under the pull of the penalties, beside weights that are gone in the end. So fix the zeros of $V$, let
# $W \leftarrow V$, and train the survivors alone, on $f$ without $r$ and spring ([chapter 13](13_lenet5_on_mnist.ipynb) does so with LeNet-5). With
# plain steps of a safe size $f$ cannot rise: it is the descent lemma once more.

# %%
zeros = splitting.v == 0
refit = Refit(splitting)
refit.start()
values = []
for _ in range(200):
    value, gradient = f(splitting.network)
    values.append(value)
    refit.step(gradient, lr=1.9 / L_f)
print(f"f of V from {values[0]:.4f} to {values[-1]:.4f} in 200 steps, with the same {zeros.sum()} zeros")
np.testing.assert_array_equal(splitting.v == 0, zeros, err_msg="a refit should leave the zeros where they are")
np.testing.assert_array_equal(splitting.network.weights, splitting.v, err_msg="in a refit W and V should be one network")
assert np.all(np.diff(values) <= 0), f"f should not rise in a refit; it rises by up to {np.diff(values).max():.1e}"

# %% [markdown]
# ## Exercises
#
# In [exercises/11_variable_splitting.ipynb](exercises/11_variable_splitting.ipynb), with a check below each answer.

# %% [markdown] tags=["ex1"]
# **Exercise 1.** The W-step: the new weights after one step of plain gradient descent on the loss and the spring
# $\tfrac{\beta}{2}\lVert W - V \rVert^2$. `w`, `v` and `gradient` (that of the loss, at `w`) are arrays of the same shape and dtype, and stay as they
# were; `lr` and `beta` are numbers.


# %% tags=["ex1"]
def w_step(w, v, gradient, lr, beta):
    """The new w, of w's shape: a step of length lr down the loss and beta/2 ||w - v||^2."""
    # BEGIN SOLUTION: the new w
    return w - lr * (gradient + beta * (w - v))
    # END SOLUTION


# %% tags=["ex1"]
check("11.w_step", w_step)

# %% [markdown] tags=["ex2"]
# **Exercise 2.** A whole iteration, for the loss $\tfrac12 \lVert W - b \rVert^2$ and the penalty $\lambda \lVert V \rVert_0$. This loss is so simple
# that the W-step can go to the lowest point of $F_\beta$ at once, for the old `v`. Then comes the V-step, with 0 at a tie. Return the new `v`. `v` and `b` are arrays of the same shape and dtype, and stay as they were; `lam` and `beta` are numbers
# above 0.


# %% tags=["ex2"]
def new_v(v, b, lam, beta):
    """The v after a W-step to the lowest point and the V-step, for ||w - b||^2/2 and l0 with the price lam: of v's shape."""
    # BEGIN SOLUTION: the new v, after both steps
    w = (b + beta * v) / (1 + beta)
    threshold = np.sqrt(2 * lam / beta)
    return np.where(np.abs(w) > threshold, w, 0)
    # END SOLUTION


# %% tags=["ex2"]
check("11.new_v", new_v)

# %% [markdown] tags=["ex3"]
# **Exercise 3.** The loss is $f(w) = \tfrac12 \lVert A w - b \rVert^2$, with $A$ of shape $(m, n)$, and the spring has the strength `beta`. Below
# which learning rate does the theorem hold? Return that number. You need the smallest possible $L_f$: how much can
# $\nabla f(w) = A^{\mathsf T} (A w - b)$ change when $w$ changes by 1?


# %% tags=["ex3"]
def largest_safe_step(A, beta):
    """The number below which every learning rate is safe, for the loss ||A w - b||^2 / 2: A (m, n)."""
    # BEGIN SOLUTION: the bound, as a number
    return 2 / (np.linalg.norm(A, 2) ** 2 + beta)
    # END SOLUTION


# %% tags=["ex3"]
check("11.largest_safe_step", largest_safe_step)

# %% [markdown] tags=["ex4"]
# **Exercise 4.** The gap that remains, with l1. For each entry of `b` the loss is $\tfrac12 (w - b)^2$ and the penalty $\lambda |v|$; there is one
# limit point $(w^*, v^*)$, from every start. Find $w^* - v^*$ on paper: put the soft threshold's two cases, $v^* = 0$ and $v^* \ne 0$, into
# $w^* - b + \beta (w^* - v^*) = 0$. Write it for an array `b` of any shape.


# %% tags=["ex4"]
def gap(b, lam, beta):
    """w - v at the limit of the two steps for the loss (w - b)^2/2 and lam |v|, entry by entry: of b's shape."""
    # BEGIN SOLUTION: the gap, for every entry of b
    return np.clip(b / (1 + beta), -lam / beta, lam / beta)
    # END SOLUTION


# %% tags=["ex4"]
check("11.gap", gap)

# %% [markdown]
# ## Summary
#
# - $F_\beta(W, V) = f(W) + r(V) + \tfrac{\beta}{2} \lVert W - V \rVert^2$: the loss and the penalty have a copy of the weights each, joined by a
#   spring.
# - W-step: a gradient step with $\nabla f(W) + \beta (W - V)$. V-step: $\operatorname{prox}_{r/\beta}(W)$.
# - With a fixed $\beta$, full gradients and $\eta < 2/(L_f + \beta)$, $F_\beta$ never rises, steps and gradients go to zero, and a limit point has
#   slope zero in $W$ and the best $V$. It need not be the global minimum.
# - Under Adam, mini-batches, larger steps and a growing $\beta$ $F$ may rise.
# - At the limit $W - V = -\nabla f(W)/\beta$: to close the gap, $\beta$ rises.

# %% [markdown]
# ## Appendix: the curvature of softmax (optional)
#
# Let $z = M x$ be the logits of one image, $M : (10, 197)$, and $p = \operatorname{softmax}(z)$. The loss $\log \sum_j e^{z_j} - z_{\text{label}}$ has
# the gradient $p - \text{onehot}$ in $z$ ([chapter 3](03_whole_network_gradient.ipynb)), and since $\partial p_i/\partial z_j = p_i [i = j] - p_i p_j$,
# its second derivative in the direction $u : (10,)$ is
#
# $$\sum_i p_i u_i^2 - \Big( \sum_i p_i u_i \Big)^2$$
#
# That is the variance of a random number which is $u_i$ with probability $p_i$. If all $u_i$ are equal it is 0. Otherwise the largest and the
# smallest are two entries. A variance is the least mean squared distance from any point; from the middle between the largest and the smallest
# $u_i$ no distance is more than $\tfrac12 (\max u - \min u)$. And $(a - b)^2 \le 2a^2 + 2b^2$, as the difference is $(a + b)^2$. So it is
#
# $$\le\; \tfrac14 (\max u - \min u)^2 \;\le\; \tfrac12 \big( (\max u)^2 + (\min u)^2 \big) \;\le\; \tfrac12 \lVert u \rVert^2$$
#
# A step $D : (10, 197)$ in $M$ moves the logits by $u = D x$. The mean over $N$ images is at most $\tfrac{1}{2N} \sum_n \lVert D x_n \rVert^2$. With
# $C$ this is $\tfrac12 \sum_i D_i^{\mathsf T} C\, D_i$ over the rows $D_i$ of $D$, so at most $\tfrac12 \lambda_{\max}(C) \lVert D \rVert^2$.
#
# So the second derivatives in all directions are between 0 and $\tfrac12 \lambda_{\max}(C)$: these bound the eigenvalues of the symmetric matrix $H$
# of second derivatives, at every place. On the way from $B$ to $A$, $\nabla f(A) - \nabla f(B) = \int_0^1 H\, (A - B)\, d\tau$, and such a matrix
# stretches nothing by more than its largest eigenvalue.
#
# **Check**, with the weight decay: how much of what the descent lemma allows beyond the gradient is used? A random step has much room; the worst, in
# the steepest direction at the worst place, none.

# %%
rng = np.random.default_rng(0)
steepest = np.linalg.eigh(X.T @ X / 500)[1][:, -1]  # (197,)
worst = np.zeros((10, 197))  # of two classes one up, one down
worst[0], worst[1] = steepest, -steepest
between = np.zeros(1970)
between[[1960, 1961]] = 20  # the biases of these two: all images are half the one, half the other
pairs = [(size * rng.normal(size=1970), size * rng.normal(size=1970)) for size in np.geomspace(0.001, 1, 60)]
pairs.append((between, 0.01 * np.concatenate([worst[:, :196].ravel(), worst[:, 196]])))
trust = []
for start, D in pairs:
    (value, gradient), (beyond, _) = f(linear_layer(start)), f(linear_layer(start + D))
    trust.append((beyond - value - gradient @ D) / (L_f / 2 * D @ D))
print(f"up to {max(trust[:-1]):.3f} in 60 random steps, {trust[-1]:.5f} in the worst")
(A, D), V = pairs[30], rng.normal(size=1970)  # each (1970,)
spring = BETA / 2 * (np.sum((A + D - V) ** 2) - np.sum((A - V) ** 2))
np.testing.assert_allclose(spring, BETA * (A - V) @ D + BETA / 2 * D @ D, err_msg="the proof's step 2")
along = [f(linear_layer(A + tau * D))[1] @ D for tau in (np.arange(200) + 0.5) / 200]  # the integral by its midpoints
rise = f(linear_layer(A + D))[0] - f(linear_layer(A))[0]
np.testing.assert_allclose(np.mean(along), rise, rtol=1e-3, err_msg="the integral of the slope should be the rise")
stretch = max(np.linalg.norm(f(linear_layer(A + D))[1] - f(linear_layer(A))[1]) / np.linalg.norm(D) for A, D in pairs)
assert 0.99 * L_f < stretch <= L_f, (
    f"the gradient should change by at most L_f = {L_f:.3f}, reached by the worst; not {stretch}"
)
z, u = rng.normal(size=(2, 10))  # each (10,)
low, here, high = (np.log(np.sum(np.exp(z + h * u))) for h in (-1e-3, 0, 1e-3))
p = np.exp(z - here)  # (10,)
variance = p @ u**2 - (p @ u) ** 2
np.testing.assert_allclose((low - 2 * here + high) / 1e-6, variance, rtol=1e-4, err_msg="the second derivative of the loss")
chain = [variance, np.ptp(u) ** 2 / 4, (u.max() ** 2 + u.min() ** 2) / 2, u @ u / 2]
assert chain == sorted(chain), f"the variance and its three bounds should rise, and they are {np.round(chain, 3)}"
step = rng.normal(size=(10, 197))
by_rows = np.trace(step @ (X.T @ X / 500) @ step.T) / 2
np.testing.assert_allclose(
    np.sum((X @ step.T) ** 2) / 1000, by_rows, err_msg="the mean over the images, by the rows of D and C"
)
assert min(trust) >= 0, f"this loss is convex, so no share should be below 0: {min(trust):.1e}"
assert max(trust) <= 1, f"the lemma says that no share is above 1: {max(trust):.5f}"
assert trust[-1] > 0.99, f"the text says that the worst step uses all of it, and it uses {trust[-1]:.3f}"
