# %% [markdown]
# # 11 Variable splitting: two copies of every weight
#
# *Reading: 60 minutes. Exercises: an evening. Needs chapters [3](03_whole_network_gradient.ipynb), [4](04_proximal_operator.ipynb) and
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

from minisgl.data import mnist
from minisgl.experiments import PRESETS
from minisgl.nn import Flatten, Linear, Network
from minisgl.nn.loss import softmax_cross_entropy
from minisgl.course.show_code import show_code
from minisgl.nn.optimizers import SGD, Adam
from minisgl.penalties import L0
from minisgl.plots import GREY, V_COLOUR, W_COLOUR
from minisgl.solver.refit import Refit
from minisgl.solver.schedules import Continuation, StepSettings, Stepwise
from minisgl.solver.splitting import LayerPenalty, Splitting
from minisgl.training.setup import make_schedule

plt.rcParams["figure.constrained_layout.use"] = True

# %% [markdown]
# ## A picture
#
# One weight, whose loss $\tfrac12 (w - b)^2$ wants it to be $b$, and an l0 price of $\lambda = 0.5$ for not being zero. Both copies start at 0. In
# every iteration $w$ makes a gradient step on the loss and on the spring $\tfrac{\beta}{2} (w - v)^2$. Then $v$ is $w$, if $|w|$ is above a
# threshold, and 0 if not.


# %%
def two_steps(w, v, b, *, lam, beta, lr):
    """One iteration for the loss (w - b)^2/2 and l0, entry by entry: the new w, and the new v."""
    w = w - lr * ((w - b) + beta * (w - v))
    return w, L0(lam).prox(w, step=1 / beta)


figure, axes = plt.subplots(1, 2, figsize=(10, 3.2), sharey=True)
for panel, b, title in ((axes[0], 3.0, "b = 3: v lets w learn, and they meet"), (axes[1], 1.6, "b = 1.6: they do not meet")):
    path = [np.zeros((2, 1))]  # w and v, (2, 1)
    for _ in range(15):
        path.append(np.stack(two_steps(*path[-1], b, lam=0.5, beta=1.0, lr=0.25)))
    w, v = np.concatenate(path, axis=1)  # each (16,)
    panel.axhspan(-1, 1, color=GREY, alpha=0.12, zorder=0)
    panel.axhline(b, color=GREY, linewidth=0.8, linestyle="--")
    panel.text(15, b + 0.06, "b", color=GREY, ha="right")
    panel.text(15, 1.04, "threshold", color=GREY, ha="right")
    panel.plot(w, "o-", color=W_COLOUR, markersize=7, label="w")
    panel.plot(v, "o-", color=V_COLOUR, markersize=3.5, label="v")
    panel.set(title=title, xlabel="iteration", ylim=(-0.25, 3.4))
    if b == 3:
        assert np.argmax(v != 0) == 2
        assert abs(w[-1] - 3) < 0.1
    else:
        assert np.all(v == 0)
        assert abs(w[-1] - 0.8) < 1e-3
axes[0].legend(loc="center right")
plt.show()

# %% [markdown]
# On the left $v$ is zero at first, and the spring holds $w$ back. In iteration 2 $w$ crosses the threshold, $v$ jumps onto it, and from there on the
# spring is slack: $w$ learns as if there were no penalty. On the right the spring stops $w$ half way, below the threshold, and a gap remains.
#
# ## By hand
#
# The left panel, three iterations. $b = 3$, $\lambda = 0.5$, $\beta = 1$, learning rate $\eta = 0.25$. The gradient that $w$ follows is
# $(w - 3) + \beta (w - v)$. The prox has the step $1/\beta$, so its threshold is $\sqrt{2 \lambda/\beta} = 1$
# ([chapter 5](05_hard_thresholding.ipynb)). All together they cost
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
# In iteration 2 the $v$-step trades a spring of $\tfrac12 \cdot 1.125^2 = 0.633$ for the price of 0.5. No number in the last two columns is above the
# one before.


# %%
def F_one(w, v, b, lam, beta):
    """Loss, price and spring of one weight, entry by entry."""
    return (w - b) ** 2 / 2 + lam * (v != 0) + beta / 2 * (w - v) ** 2


w, v, table = np.zeros(1), np.zeros(1), []
for _ in range(3):
    old = v
    w, v = two_steps(w, old, 3.0, lam=0.5, beta=1.0, lr=0.25)
    table.append([w[0], v[0], F_one(w, old, 3.0, 0.5, 1.0)[0], F_one(w, v, 3.0, 0.5, 1.0)[0]])
np.testing.assert_allclose(table[0], [0.75, 0, 2.8125, 2.8125])
np.testing.assert_allclose(table[1], [1.125, 1.125, 2.390625, 2.2578125])
np.testing.assert_allclose(table[2], [1.59375, 1.59375, 1.5986328, 1.4887695], rtol=1e-7)
print("the table is right")

# %% [markdown]
# ## The derivation: from one problem to two easy ones
#
# Let $W$ be all weights, as a vector of shape $(n,)$, $f$ what can be differentiated (the loss), and $r$ the penalty. We want
#
# $$\min_W\; f(W) + r(W) \qquad\text{which is the same as}\qquad \min_{W, V}\; f(W) + r(V) \;\;\text{with } W = V$$
#
# Nothing has changed but the names: $f$ and $r$ no longer have a variable in common. Now loosen the condition. A gap between the two is allowed, and
# paid for:
#
# $$\boxed{\;F_\beta(W, V) = f(W) + r(V) + \tfrac{\beta}{2} \lVert W - V \rVert^2\;} \qquad W, V : (n,)$$
#
# Go down in one variable at a time, the other held fixed.
#
# **The V-step.** For fixed $W$, $f(W)$ does not matter. Take $\beta$ out of the rest, which moves no lowest point:
#
# $$r(V) + \tfrac{\beta}{2} \lVert W - V \rVert^2 = \beta \Big[ \tfrac1\beta\, r(V) + \tfrac12 \lVert V - W \rVert^2 \Big]
# \qquad\Longrightarrow\qquad V \leftarrow \operatorname{prox}_{r/\beta}(W)$$
#
# It is a prox with the step $s = 1/\beta$, and solves its half of the problem exactly, from every starting point.
#
# **The W-step.** For fixed $V$, $r(V)$ does not matter. The spring is $\tfrac{\beta}{2} \sum_i (W_i - V_i)^2$, and its derivative in $W_i$ is
# $\beta (W_i - V_i)$. So
#
# $$G = \nabla f(W) + \beta (W - V), \qquad W \leftarrow W - \eta\, G \qquad G : (n,)$$
#
# The spring pulls $W$ *towards* $V$: where $W_i > V_i$, $G_i$ is larger and $W_i$ becomes smaller.
#
# **Why not simply a proximal gradient step**, as in [chapter 4](04_proximal_operator.ipynb)? It has only one copy, so a dropped weight has no memory.
# From 0 it gets to $-\eta g$, and with l0 that is dropped again unless $\eta |g| > \sqrt{2 \eta \lambda}$, so $|g| > \sqrt{2 \lambda / \eta}$: in one
# leap or never. Here $W$ goes on learning while $V$ is zero, and $V$ takes it back when it has come far enough. Also, $W$ may use any optimiser,
# since the prox has a step of its own.
#
# In minisgl $f$ has two parts, the loss and the group lasso of [chapter 8](08_groups.ipynb). Biases belong to $W$ and have no $V$.
#
# ## What W sees
#
# Let $V$ always be at its best. Then $W$ feels $f(W) + e_\beta(W)$ with $e_\beta(W) = \min_V\, r(V) + \tfrac{\beta}{2}\lVert W - V \rVert^2$. This is the
# **Moreau envelope** of $r$ ([chapter 4](04_proximal_operator.ipynb) has that of l1). For l0 and one weight there are two candidates, $v = 0$ for
# $\tfrac{\beta}{2} w^2$ and $v = w$ for $\lambda$:
#
# $$e_\beta(w) = \min\big( \tfrac{\beta}{2} w^2,\; \lambda \big)$$
#
# The price, which has no useful slope, has become a well with walls. A larger $\beta$ makes the well narrower, and nothing else.

# %%
w = np.linspace(-3, 3, 1201)  # (1201,)
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.2))
for beta, shade in ((0.5, 0.3), (1.0, 0.5), (4.0, 0.75), (25.0, 1.0)):
    v = L0(0.5).prox(w, step=1 / beta)  # (1201,)
    e = F_one(w, v, b=w, lam=0.5, beta=beta)  # (1201,): b = w takes the loss away
    np.testing.assert_allclose(e, np.minimum(beta / 2 * w**2, 0.5))
    left.plot(w, e, color=V_COLOUR, alpha=shade, label=f"beta = {beta:g}")
    if beta in (1.0, 4.0):
        right.plot(w, (w - 1.6) ** 2 / 2 + e, color=V_COLOUR, alpha=shade, label=f"beta = {beta:g}")
left.plot(w, 0.5 * (w != 0), color=GREY, linestyle=":", linewidth=1, label="the price itself")
left.set(title="what W sees of the price, e(w)", xlabel="w", xlim=(-2.2, 2.2), ylim=(-0.03, 0.75))
left.legend(loc="upper center", ncols=3, fontsize=8)
right.set(title="with a loss that wants 1.6: two valleys", xlabel="w", xlim=(-1, 3), ylim=(0.4, 2))
right.legend(loc="upper right")
plt.show()

# %% [markdown]
# ## One weight, from every start
#
# Where do the two steps stand still, for $f(w) = \tfrac12 (w - b)^2$ with $b > 0$? Let $t = \sqrt{2\lambda/\beta}$ be the threshold.
#
# - *Kept, $v = w$.* The spring is slack, so $G = w - b = 0$: $w = b$. The V-step agrees if $b > t$. Cost: $F = \lambda$.
# - *Dropped, $v = 0$.* $G = w - b + \beta w = 0$: $w = \frac{b}{1 + \beta}$. The V-step agrees if $\frac{b}{1 + \beta} \le t$. Cost:
#
# $$F = \tfrac12 \Big( \frac{b}{1 + \beta} - b \Big)^2 + \frac{\beta}{2} \Big( \frac{b}{1 + \beta} \Big)^2 = \frac{b^2}{2} \cdot \frac{\beta^2 + \beta}{(1 + \beta)^2} = \frac{b^2}{2} \cdot \frac{\beta}{1 + \beta}$$
#
# For $t < b \le (1 + \beta)\, t$ both exist, and the start decides. Below, every start $(w, v)$ in the plane: shaded, those from which the two steps
# end at the dropped point. On the paths a W-step goes sideways, a V-step up or down.


# %%
def draw_starts(axes, beta, lam, b=1.6, lr=0.1):
    grid = np.linspace(-2.5, 3.5, 241)  # (241,)
    w, v = np.meshgrid(grid, grid)  # each (241, 241): every start
    first = two_steps(w, v, b, lam=lam, beta=beta, lr=lr)[0]
    for _ in range(150):
        w, v = two_steps(w, v, b, lam=lam, beta=beta, lr=lr)
    axes.contourf(grid, grid, v == 0, levels=[0.5, 1.5], colors=[GREY], alpha=0.25)
    t = L0(lam).threshold(1 / beta)
    dropped, kept = b / (1 + beta) <= t, b > t
    if b / (1 + beta) < t - 1e-6:  # which starts are kept: a straight line
        np.testing.assert_array_equal(v != 0, (first > t) & kept)
    axes.plot(grid, grid, "--", color=GREY, linewidth=0.8)
    axes.axhline(0, color=GREY, linewidth=0.8)
    for start in ((-2.0, 2.0), (0.2, 3.0), (3.0, -2.0), (-0.5, -1.8)):
        w, v = (np.array([number]) for number in start)
        path = [(*w, *v)]
        for _ in range(150):
            old = v
            w, v = two_steps(w, v, b, lam=lam, beta=beta, lr=lr)
            path += [(*w, *old), (*w, *v)]
        axes.plot(*np.array(path).T, color=W_COLOUR, linewidth=1)
        axes.plot(*start, "o", color=W_COLOUR, markersize=5)
    axes.plot([b / (1 + beta)] * dropped + [b] * kept, [0] * dropped + [b] * kept, "o", color=V_COLOUR, markersize=9)
    axes.set(title=f"beta = {beta:g}, lam = {lam:g}: t = {t:.2f}", xlabel="w", ylabel="v", aspect="equal")


figure, axes = plt.subplots(1, 3, figsize=(14, 4.4))
for panel, beta in zip(axes, (0.3, 1.0, 4.0), strict=True):
    draw_starts(panel, beta, 0.5)
figure.suptitle(
    "blue: four starts and their paths     orange: where they end     shaded: starts that end at v = 0     dashed: v = w"
)
plt.show()
b = np.linspace(0.05, 3.95, 40)  # (40,), each from (0, 0)
for beta in (0.3, 1.0, 4.0):
    w, v = np.zeros((2, 40))
    for _ in range(500):
        w, v = two_steps(w, v, b, lam=0.5, beta=beta, lr=0.1)
    edge = np.sqrt(2 * 0.5) * (1 / np.sqrt(beta) + np.sqrt(beta))
    np.testing.assert_array_equal(v != 0, b > edge)
    cost = 1.6**2 / 2 * beta / (1 + beta)
    print(f"beta = {beta}: from (0, 0) kept if b > {edge:.2f}; for b = 1.6 dropped costs {cost:.2f}, kept 0.50")

# %% [markdown]
# On the left $t$ is above $b$: everything is dropped. In the other two a straight line cuts the plane: where the first W-step leads above $t$, the
# weight is kept, else dropped. **From $(0, 0)$ it is dropped in all three, also where keeping would cost less.** For from there $w$ climbs to
# $\frac{b}{1+\beta}$, and is dropped if
#
# $$b \;\le\; (1 + \beta)\, t \;=\; \sqrt{2\lambda}\, \Big( \frac{1}{\sqrt\beta} + \sqrt\beta \Big)$$
#
# A soft spring has a high threshold, and a stiff one does not let $w$ get there. The bracket is least at $\beta = 1$, which is the curvature of the
# loss: it is $2 + (\beta^{1/4} - \beta^{-1/4})^2$.
#
# With a running kernel, move $\beta$ and $\lambda$. (Without a kernel the panels above show the same.)


# %%
def one_panel(beta, lam):
    _, panel = plt.subplots(figsize=(5, 4.6))
    draw_starts(panel, beta, lam)
    plt.show()


_ = interact(
    one_panel,
    beta=FloatSlider(value=1.0, min=0.2, max=6.0, step=0.2),
    lam=FloatSlider(value=0.5, min=0.1, max=2.0, step=0.1),
)

# %% [markdown]
# ## The code
#
# The two steps, printed from the package itself. They work on blocks of the flat vector of all parameters, which fit into the cache. The group scales
# are the group lasso's factors, one a group ([chapter 8](08_groups.ipynb)).

# %%
show_code(Splitting._add_gradient, Splitting.update_w, Splitting.prox_steps, Splitting.update_v)

# %% [markdown]
# Four things are not in the box: the optimiser, which may be another than plain gradient descent; a layer without $r$, where $V$ is $W$ and there is
# no spring; `decay`, an option that adds weight decay; and `thresholds`, which we come to below. The rest is $G$, and the prox with the step $1/\beta$.
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
# **Proof, step 1: how far a gradient can be trusted.** Walk from $W$ to $W + D$ on a straight line, and let $\varphi(\tau) = f(W + \tau D)$, $\tau$
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
# **Step 3: the W-step.** Add both; $r(V)$ stays. The two terms with a single $D$ make $G \cdot D$. The step is $D = -\eta\, G$, so that $G = -D/\eta$
# and $G \cdot D = -\lVert D \rVert^2/\eta$:
#
# $$F_\beta(W + D, V) \;\le\; F_\beta(W, V) + G \cdot D + \tfrac{L_f + \beta}{2} \lVert D \rVert^2 \;=\; F_\beta(W, V) - c\, \lVert D \rVert^2$$
#
# **Step 4: the V-step** takes for $V$ what makes $F_\beta(W_{k+1}, V)$ least. The old $V$ was one of the candidates. So $F_\beta$ cannot rise.
# $\square$
#
# **What follows.** Add up the first $K$ iterations. All of $F_\beta$ is at least 0, so there is no more to lose than $F_\beta(W_0, V_0) = F_0$:
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
# ## A loss whose $L_f$ we know
#
# Handwritten digits, 500 of them, made smaller to $14 \times 14$ pixels, and a single linear layer with softmax cross-entropy. For one image with the
# pixels and a 1 (for the bias) in $x : (197,)$, the logits are $z = M x$, $M : (10, 197)$, and the probabilities $p = \operatorname{softmax}(z)$. The
# loss $\log \sum_j e^{z_j} - z_{\text{label}}$ has the gradient $p - \text{onehot}$ in $z$ ([chapter 3](03_whole_network_gradient.ipynb)), and since
# $\partial p_i/\partial z_j = p_i [i = j] - p_i p_j$, its second derivative in the direction $u : (10,)$ is
#
# $$\sum_i p_i u_i^2 - \Big( \sum_i p_i u_i \Big)^2$$
#
# That is the variance of a random number which is $u_i$ with probability $p_i$. If all $u_i$ are equal it is 0. Otherwise the largest and the
# smallest are two entries. A variance is the least mean squared distance from any point; from the middle $m$ between the largest and the smallest
# $u_i$ no distance is more than $\tfrac12 (\max u - \min u)$. And $(a - b)^2 \le 2a^2 + 2b^2$, as the difference is $(a + b)^2$. So it is
#
# $$\le\; \tfrac14 (\max u - \min u)^2 \;\le\; \tfrac12 \big( (\max u)^2 + (\min u)^2 \big) \;\le\; \tfrac12 \lVert u \rVert^2$$
#
# A step $D : (10, 197)$ in $M$ moves the logits by $u = D x$. The mean over $N$ images is $\tfrac{1}{2N} \sum_n \lVert D x_n \rVert^2$, and with
# $C = \tfrac1N \sum_n x_n x_n^{\mathsf T} : (197, 197)$ this is $\tfrac12 \sum_i D_i^{\mathsf T} C\, D_i$ over the rows $D_i$ of $D$, so at most
# $\tfrac12 \lambda_{\max}(C) \lVert D \rVert^2$.
#
# So the second derivatives in all directions are between 0 and $\tfrac12 \lambda_{\max}(C)$: these bound the eigenvalues of the symmetric matrix $H$
# of second derivatives, at every place. On the way from $B$ to $A$, $\nabla f(A) - \nabla f(B) = \int_0^1 H\, (A - B)\, d\tau$, and such a matrix
# stretches nothing by more than its largest eigenvalue. We add a little weight decay, $\tfrac{\mu}{2} \lVert M \rVert^2$ with $\mu = 0.01$: it adds
# $\mu$ to every second derivative. Together $L_f = \tfrac12 \lambda_{\max}(C) + \mu$.

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
assert min(trust) >= 0
assert max(trust) <= 1
print(
    f"of what the lemma allows beyond the gradient: up to {max(trust[:-1]):.3f} in 60 random steps, {trust[-1]:.5f} in the worst"
)

# %% [markdown]
# The lemma holds: a random step has much room, and the worst one, in the steepest direction at the worst place, none. Now the two steps, with
# minisgl's own `Splitting`: all 500 images in every step, $\lambda = 0.0005$, $\beta = 0.1$, so $t = 0.1$. (The biases have no spring, and only less
# curvature.) The prediction: no rise, in neither half of any iteration, and in every W-step at least the drop $c \lVert D \rVert^2$.


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
assert np.all(np.diff(both) <= 1e-14)
drop, promised = seen["F"] - seen["half"], c * seen["step"] ** 2  # each (400,)
assert np.all(drop >= promised)
least = np.minimum.accumulate((seen["step"] / eta) ** 2)  # (400,)
K = np.arange(1, 401)
assert np.all(least <= both[0] / (c * eta**2 * K))

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 3.4))
left.plot(np.arange(20) / 2, both[:20], color=GREY, linewidth=1)
left.plot(np.arange(10), both[0:20:2], "o", color=V_COLOUR, markersize=6, label="after a V-step")
left.plot(np.arange(10) + 0.5, both[1:20:2], "o", color=W_COLOUR, markersize=6, label="after a W-step")
left.set(title="F in the first ten iterations", xlabel="iteration")
left.legend()
middle.semilogy(K, drop, color=W_COLOUR, label="what the W-step lowers F by")
middle.semilogy(K, promised, color=GREY, linestyle="--", label="what the theorem promises")
middle.set(title="the drop is above the promise", xlabel="iteration")
middle.legend()
right.loglog(K, least, color=W_COLOUR, label="smallest $||G||^2$ so far")
right.loglog(K, both[0] / (c * eta**2 * K), color=GREY, linestyle="--", label="the bound")
right.set(title="the gradient of F goes to zero", xlabel="iteration")
right.legend()
plt.show()

# %% [markdown]
# ## Where it fails
#
# Every assumption is used in the proof. Take one away at a time. Orange: where $F$ (over all images) is higher than before. The panels are cut off at
# 1.25; the counts are of all 300 iterations.
#
# - **A step that is too large.** Step 3 needs $c > 0$. The proof says nothing beyond the safe step; far beyond it, $F$ rises.
# - **Adam.** Its step is not $-\eta\, G$. Every weight has a learning rate and a momentum of its own, and $G \cdot D$ may even be positive.
# - **Mini-batches.** The step goes down on its own batch, which is not $f$.
# - **A growing $\beta$.** It is another function. At every growth from $\beta$ to $\beta'$, $F$ rises at once by
#   $\tfrac{\beta' - \beta}{2} \lVert W - V \rVert^2$, with no step made at all. In between it falls.

# %%
growing = Stepwise(lr=0.3, lr_drops=(), beta=BETA, growth=1.5, beta_every=60)
grown = [growing.at(step, steps_per_epoch=1, steps=300) for step in range(300)]
assert all(each.lr < 2 / (L_f + each.beta) for each in grown)
safe = 2 / (L_f + BETA)
trials = {
    "eight times the safe step": run([StepSettings(8 * safe, BETA)] * 300),
    "Adam, lr 0.1": run([StepSettings(0.1, BETA)] * 300, Adam),
    "mini-batches of 50": run([StepSettings(safe / 2, BETA)] * 300, batch=50),
    "beta grows by half every 60 steps": run(grown),
}
figure, axes = plt.subplots(1, 4, figsize=(14, 3.2))
for panel, (name, (_, seen)) in zip(axes, trials.items(), strict=True):
    F = seen["F"]
    rises = np.flatnonzero(np.diff(F) > 1e-9) + 1
    assert len(rises) > 0
    panel.plot(F, color=W_COLOUR, linewidth=1.2)
    panel.plot(rises, F[rises], ".", color=V_COLOUR, markersize=5)
    panel.set(title=f"{name}:\n{len(rises)} rises", xlabel="iteration", ylim=(0.9, 1.25))
axes[0].set_ylabel("F")
plt.show()
np.testing.assert_array_equal(rises, [60, 120, 180, 240])  # of the last trial: only where beta grows
for k in rises:
    jump = (grown[k].beta - grown[k - 1].beta) / 2 * seen["gap"][k - 1] ** 2
    assert F[k] <= seen["half"][k - 1] + jump + 1e-14  # the V-step has taken some of it back
gentle = run([StepSettings(0.01, BETA)] * 300, Adam)[1]["F"]
print(f"Adam with lr 0.01: {np.sum(np.diff(gentle) > 1e-9)} rises")

# %% [markdown]
# Outside the theorem $F$ may rise; it need not, as Adam shows with a smaller learning rate (below the figure). minisgl trains with Adam, mini-batches
# and a changing $\beta$, and so did the paper: the theorem explains why the two steps work together, and is not a promise for such a run. A network
# adds three more gaps.
#
# - *Depth.* Take two weights in a row, $f(a, b) = \tfrac12 (a b - 1)^2$. Its second derivative in $a$ is $b^2$, as large as we like, so no $L_f$ holds
#   for all $A, B$. A smooth activation does not change that. But the proof uses $L_f$ only on the lines that the steps walk along. If the iterates stay
#   in a bounded convex set on which $\nabla f$ has such a constant, it holds with the constant of that set.
# - *ReLUs.* The gradient of the loss jumps, so there is no $L_f$ even on a bounded set.
# - *The group lasso* on $W$: the gradient of $\lVert w \rVert$ is $w/\lVert w \rVert$, of length 1 on both sides of zero and turned round between them,
#   however near they are.

# %%
for b in (1.0, 10.0, 100.0):  # the gradient in a is b (a b - 1): between a = 0 and a = 1 it changes by b^2
    assert b * (1 * b - 1) - b * (0 * b - 1) == b**2

# %% [markdown]
# ## Limit points
#
# Where does it go? A *limit point* $(W^*, V^*)$ is what some subsequence $(W_k, V_k)$ converges to. Assume besides that $r$ does not jump *up* in a
# limit ("lower semicontinuous"): if $V_k \to V^*$, then $r(V^*)$ is at most $\liminf r(V_k)$, the smallest value that infinitely many of the $r(V_k)$
# come as close to as we like. Continuous penalties do this. So does l0: an entry of $V^*$ that is not zero is not zero in $V_k$ either, from some $k$
# on. Entries may *become* zero in the limit ($1, \tfrac12, \tfrac13, \dots$), but then the price falls.
#
# **Then** every limit point of the two steps has
#
# $$\nabla f(W^*) + \beta\, (W^* - V^*) = 0 \qquad\text{and}\qquad V^* \in \operatorname{prox}_{r/\beta}(W^*)$$
#
# (At a tie the prox has two values; $V^*$ is one of them.)
#
# *Proof of the first.* $G_k = \nabla f(W_k) + \beta (W_k - V_k) \to 0$ as shown, and along the subsequence it goes to
# $\nabla f(W^*) + \beta (W^* - V^*)$, since $\nabla f$ is continuous.
#
# *Proof of the second.* $V_k$ is the best for $W_k$: for every $U : (n,)$
#
# $$r(V_k) + \tfrac{\beta}{2} \lVert W_k - V_k \rVert^2 \;\le\; r(U) + \tfrac{\beta}{2} \lVert W_k - U \rVert^2$$
#
# Go to the limit. The right side goes to $r(U) + \tfrac{\beta}{2} \lVert W^* - U \rVert^2$. On the left the square converges, and $r(V^*)$ is at most
# what $r(V_k)$ comes close to. So $r(V^*) + \tfrac{\beta}{2} \lVert W^* - V^* \rVert^2$ is at most the right side, for every $U$: $V^*$ is a best one
# for $W^*$. $\square$
#
# *Is there a limit point?* Yes, if the $W_k$ stay bounded, and here they do: $\tfrac{\mu}{2} \lVert W_k \rVert^2 \le F_k \le F_0$, and the spring
# bounds $V_k$. Without the weight decay they need not, with l0: a price that counts does not mind size.
#
# **What it says for l0.** Entry by entry, with $\partial_i f$ the entries of $\nabla f(W^*)$ and $t = \sqrt{2\lambda/\beta}$:
#
# - kept: $V^*_i = W^*_i$, so $\partial_i f = 0$. Kept weights bear no pull at all.
# - dropped: $V^*_i = 0$, so $W^*_i = -\partial_i f/\beta$, and $|W^*_i| \le t$ means $|\partial_i f| \le \beta t = \sqrt{2 \lambda \beta}$.
#
# If $f$ is convex, it is also a local minimum of $F_\beta$: near it a $V$ with another entry that is not zero pays $\lambda$ more at once, while the
# rest of $F$ moves by as little as we like; and among those $V$ with the same zeros $F$ is a convex function of all entries that are left, with slope
# zero.
#
# **What it does not say.** Not that the minimum is the global one (from $(0, 0)$ the one weight above was dropped where keeping was cheaper). Not
# that there is only one limit point: for that one needs more. If the iterates are bounded, $\nabla f$ has a constant $L_f$ where they are, and $F_\beta$
# is made of polynomials, exponentials and logarithms by finitely many operations (or is *definable* in another way), then the whole sequence converges:
# Attouch, Bolte and Svaiter, Math. Program. 137 (2013) 91, show this for descent methods like ours, from the inequality of Kurdyka and Łojasiewicz. A
# network with ReLUs is outside that too. And not that $W = V$:
#
# $$W^* - V^* = -\tfrac{1}{\beta} \nabla f(W^*)$$
#
# The gap is what the loss still pulls with, over the strength of the spring. A larger $\beta$, fixed from the start, makes it smaller: always
# $\tfrac{\beta}{2} \lVert W_k - V_k \rVert^2 \le F_0$, so $\lVert W_k - V_k \rVert \le \sqrt{2 F_0/\beta}$, and $F_0 = f(W_0) + r(W_0)$ does not depend on
# $\beta$ if the run starts with $V_0 = W_0$.
#
# *And $\beta \to \infty$?* Let $F^*$ be the least $f + r$ for one network, $W = V$. There the spring costs nothing, so a **minimiser** of $F_\beta$ costs
# at most $F^*$, and its gap is at most $\sqrt{2 F^*/\beta}$: it closes. For the **iterates** of a run in which $\beta$ grows this does not follow. Every
# growth raises $F$, so $F_0$ no longer bounds it, and the step must stay below $\frac{2}{L_f + \beta}$: the learning rate has to fall as $\beta$ grows.
# With a fixed $\eta$ and $\eta \beta > 2$ the spring alone throws a dropped weight further out in every W-step, until it is kept.
#
# **Check**, after 3,000 iterations with one fixed $\beta$; then the gap of the minimiser for a single weight.

# %%
settled, seen = run([StepSettings(0.95 * safe, BETA)] * 3000)
W, V = settled.network.weights.copy(), settled.v  # each (1960,)
gradient = f(settled.network)[1][:1960]  # without the biases
kept = V != 0
np.testing.assert_allclose(W - V, -gradient / BETA, atol=1e-5)
np.testing.assert_array_equal(V[kept], W[kept])
assert np.abs(gradient[kept]).max() < 1e-6
assert np.abs(gradient[~kept]).max() <= np.sqrt(2 * LAM * BETA)
print(f"{kept.sum()} of 1960 kept; gap {np.linalg.norm(W - V):.3f}, gradient / beta {np.linalg.norm(gradient) / BETA:.3f}")
print(
    f"largest slope of the loss: kept {np.abs(gradient[kept]).max():.1e}, dropped {np.abs(gradient[~kept]).max():.4f} <= 0.01"
)

# %%
for b in (0.5, 1.0, 1.5, 3.0):  # f is (w - b)^2/2, r is [v != 0], of lam 1
    least_of_one = min(1, b**2 / 2)  # F^*: w = v = b, or w = v = 0
    for beta in (0.1, 1, 10, 1000):
        if beta * b**2 / (2 * (1 + beta)) < 1:  # the best w for v = 0 is b/(1 + beta); for v != 0 it is b, and costs 1
            assert b / (1 + beta) <= np.sqrt(2 * least_of_one / beta)

# %% [markdown]
# ## W meets V
#
# The same run with several $\beta$, each fixed, $\lambda$ as it was. A point for each weight: $W_i$ to the right, $V_i$ upwards.

# %%
betas, kept_shares = (0.025, 0.1, 0.4), []
figure, axes = plt.subplots(1, 4, figsize=(14, 3.4))
for panel, beta, shade in zip(axes, betas, (0.35, 0.65, 1.0), strict=False):
    splitting, seen = run([StepSettings(1.9 / (L_f + beta), beta)] * 700)
    W, V, t = splitting.network.weights, splitting.v, L0(LAM).threshold(1 / beta)
    panel.axvspan(-t, t, color=GREY, alpha=0.15)
    panel.plot([-1.6, 1.6], [-1.6, 1.6], "--", color=GREY, linewidth=0.8)
    panel.plot(W, V, ".", color=V_COLOUR, markersize=3)
    panel.set(title=f"beta = {beta:g}: {np.mean(V == 0):.0%} zeros", xlabel="W", ylabel="V", xlim=(-1.6, 1.6), ylim=(-1.6, 1.6))
    assert np.abs(W).max() < 1.6
    kept_shares.append(np.mean(V != 0))
    axes[3].plot(seen["gap"], color=W_COLOUR, alpha=shade, label=f"beta = {beta:g}")
    assert np.all(seen["gap"] <= np.sqrt(2 * seen["F"][0] / beta))
axes[3].set(title="the gap ||W - V||", xlabel="iteration", ylim=(0, None))
axes[3].legend()
plt.show()
assert np.argmax(kept_shares) == 1

# %% [markdown]
# The stiffer spring has the smaller gap. And as for the single weight, the one in the middle keeps most: the soft one has a higher threshold, the
# stiff one holds weights back. So we want a spring that is soft at first, for weights to learn, and stiff in the end, for $W$ and $V$ to be one
# network. There are two ways to get there.
#
# - **The paper's.** $s = 1/\beta$, and $\beta$ grows by a factor every few epochs. The threshold $\sqrt{2\lambda/\beta}$ falls as it does.
# - **Continuation.** The threshold $\tau$ itself is scheduled: it climbs from 0 on a ramp, and then $\beta$ rises. Each prox gets the step $s$ that
#   has this threshold, for l0 $s = \tau^2/(2\lambda)$. Is this still a V-step? Yes, for another price:
#
# $$\operatorname{prox}_{s\, r}(W) = \operatorname{prox}_{(s \beta\, r)/\beta}(W)$$
#
# minimises $F_\beta$ with $s\beta\, r$ in place of $r$. For l0 the price of a weight is then $s \beta \lambda = \tfrac{\beta \tau^2}{2}$: it begins
# at 0, and rises with $\tau$ and with $\beta$.
#
# Both as the presets of minisgl have them for LeNet-5, 600 batches an epoch, asked from the package's own schedules:

# %%
figure, axes = plt.subplots(1, 3, figsize=(13, 3))
for name, colour in (("paper", GREY), ("quick", V_COLOUR)):
    config = PRESETS[name]
    schedule, steps = make_schedule(config, ["fc1"]), 600 * config.epochs
    settings = [schedule.at(step, 600, steps) for step in range(0, steps, 50)]
    thresholds = [s.thresholds["fc1"] if s.thresholds else L0(config.penalty.lam).threshold(1 / s.beta) for s in settings]
    label = f"{name} ({config.epochs} epochs)"
    for panel, numbers in zip(axes, ([s.lr for s in settings], [s.beta for s in settings], thresholds), strict=True):
        panel.plot(np.linspace(0, 1, len(settings), endpoint=False), numbers, color=colour, label=label)
for panel, title in zip(axes, ("learning rate", "beta", "threshold"), strict=True):
    panel.set(title=title, xlabel="fraction of the run", yscale="linear" if title == "threshold" else "log")
axes[0].set_ylim(1e-8, 1e-2)
axes[2].legend()
plt.show()

# %% [markdown]
# And both on our digits, 600 iterations each, with a $\beta$ for this problem; the errors are on 2,000 other digits.

# %%
regimes = {
    "paper": Stepwise(lr=0.3, lr_drops=(), beta=0.1, growth=1.25, beta_every=120),
    "continuation": Continuation(lr=0.38, beta=0.02, rise=500, thresholds={"fc": 0.2}, ramp=0.5),
}


def error(network):
    """Percent of the other digits that it gets wrong."""
    return 100 * np.mean(network.forward(other_images)[0].argmax(axis=1) != other_labels)


figure, axes = plt.subplots(1, 2, figsize=(10, 3.2))
for (name, schedule), colour in zip(regimes.items(), (GREY, V_COLOUR), strict=True):
    settings = [schedule.at(step, steps_per_epoch=1, steps=600) for step in range(600)]
    assert all(each.lr < 2 / (L_f + each.beta) for each in settings)
    splitting, seen = run(settings)
    for panel, what in zip(axes, ("gap", "zeros"), strict=True):
        panel.plot(seen[what], color=colour, label=name)
    errors = f"error of W {error(splitting.network):.1f} %, of V {error(splitting.reported('v')):.1f} %"
    print(f"{name:>12}: {errors}, gap {seen['gap'][-1]:.2f}, zeros {seen['zeros'][-1]:.0f} %")
axes[0].set(title="the gap ||W - V||", xlabel="iteration")
axes[1].set(title="zeros of V, %", xlabel="iteration")
axes[0].legend()
plt.show()
print(f"{np.mean(images.max(axis=0) == 0):.0%} of the pixels are black in all 500 digits: their weights stay zero")

# %% [markdown]
# In the paper's regime $V$ is almost all zero at first, since $W$ starts at zero. The gap falls a little with each growth of $\beta$, and stays: $W$
# and $V$ remain two networks (the paper keeps $W$). In continuation weights are dropped one after the other while the threshold climbs. The gap grows
# on the ramp, and closes when $\beta$ rises: almost one network, and minisgl keeps $V$. (The two runs end with different numbers of zeros: which
# network is better they do not tell.)
#
# **A refit** can follow. While it was splitting, $W$ bore the pull of the penalties, and was trained beside weights that are gone in the end. So fix
# the zeros of $V$, let $W \leftarrow V$, and train the survivors alone, on $f$ without $r$ and without spring ([chapter 13](13_lenet5_on_mnist.ipynb)
# does so with LeNet-5). With plain steps of a safe size $f$ cannot rise: it is the descent lemma once more.

# %%
zeros = splitting.v == 0
refit = Refit(splitting)
refit.start()
values = []
for _ in range(200):
    value, gradient = f(splitting.network)
    values.append(value)
    refit.step(gradient, lr=1.9 / L_f)
np.testing.assert_array_equal(splitting.v == 0, zeros)
np.testing.assert_array_equal(splitting.network.weights, splitting.v)
assert np.all(np.diff(values) <= 0)
print(f"f of V from {values[0]:.4f} to {values[-1]:.4f} in 200 steps, with the same {zeros.sum()} zeros")

# %% [markdown]
# ## Exercises
#
# To be written in [exercises/11_variable_splitting.ipynb](exercises/11_variable_splitting.ipynb), where a check below each answer tells you what is
# wrong.

# %% [markdown] tags=["ex1"]
# **Exercise 1.** The W-step: the new weights after one step of plain gradient descent on the loss and the spring
# $\tfrac{\beta}{2}\lVert W - V \rVert^2$. `w`, `v` and `gradient` (that of the loss, at `w`) are arrays of the same shape and dtype, and stay as they
# were; `lr` and `beta` are numbers.


# %% tags=["ex1"]
def w_step(w, v, gradient, lr, beta):
    """The new w, of w's shape: a step of length lr down the loss and beta/2 ||w - v||^2."""
    # BEGIN SOLUTION: one step against the sum of two gradients
    return w - lr * (gradient + beta * (w - v))
    # END SOLUTION


# %% tags=["ex1"]
check("11.w_step", w_step)

# %% [markdown] tags=["ex2"]
# **Exercise 2.** A whole iteration, for the loss $\tfrac12 \lVert W - b \rVert^2$ and the penalty $\lambda \lVert V \rVert_0$. This loss is so simple
# that the W-step can go to the lowest point of $F_\beta$ at once, for the old `v`: where is the gradient of loss and spring zero? Then comes the
# V-step, with 0 at a tie. Return the new `v`. `v` and `b` are arrays of the same shape and dtype, and stay as they were; `lam` and `beta` are numbers
# above 0.


# %% tags=["ex2"]
def new_v(v, b, lam, beta):
    """The v after a W-step to the lowest point and the V-step, for ||w - b||^2/2 and l0 with the price lam: of v's shape."""
    # BEGIN SOLUTION: the lowest point w, its threshold, and what is left of it
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
    # BEGIN SOLUTION: the largest curvature of the loss, and the spring's
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
    # BEGIN SOLUTION: what the gap is where v = 0, and how large it can become
    return np.clip(b / (1 + beta), -lam / beta, lam / beta)
    # END SOLUTION


# %% tags=["ex4"]
check("11.gap", gap)

# %% [markdown]
# ## Summary
#
# - $F_\beta(W, V) = f(W) + r(V) + \tfrac{\beta}{2} \lVert W - V \rVert^2$: the loss has one copy of the weights, the penalty the other, and a spring
#   holds them together.
# - W-step: a gradient step with $\nabla f(W) + \beta (W - V)$. V-step: $\operatorname{prox}_{r/\beta}(W)$, for l0 hard thresholding at
#   $\sqrt{2\lambda/\beta}$.
# - With a fixed $\beta$, full gradients and $\eta < 2/(L_f + \beta)$, $F_\beta$ never rises, steps and gradients go to zero, and a limit point has
#   slope zero in $W$ and the best $V$. It need not be the global minimum.
# - Adam, mini-batches, larger steps and a growing $\beta$ are outside this theorem, and $F$ does rise under them.
# - At the limit $W - V = -\nabla f(W)/\beta$: to close the gap, $\beta$ rises. The paper lets the threshold fall meanwhile; continuation schedules
#   it.
