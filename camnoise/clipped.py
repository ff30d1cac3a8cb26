r"""What clipping does to the mean and the deviation of noise, and how to undo it.

.. math:: y = x + s \, \xi, \quad \xi \sim N(0, 1), \qquad z = \mathrm{clip}(y, 0, 1)

A picture that was clipped is too bright in its shadows and too dark in its highlights, and its noise
looks smaller at both ends. A network that learns from clipped targets learns the mean of z; these
functions turn it back into x. White is 1; s is the deviation *before* clipping.

With :math:`I_1(t) = \int_t^\infty P(\xi > v) \, dv` the mean is :math:`x_+ + s I_1(|x|/s) - s I_1((1 - x)/s)`
for x up to 1/2, where both corrections are small, and by the symmetry of x and 1 - x above. Nothing
cancels, so that the last photons of a black pixel have their digits too.

References:
    | Clipped Noisy Images: Heteroskedastic Modeling and Practical Denoising
    | (Foi, Signal Processing 2009), https://doi.org/10.1016/j.sigpro.2009.04.035
    | Practical Poissonian-Gaussian Noise Modeling and Fitting for Single-Image Raw-Data
    | (Foi, Trimeche, Katkovnik & Egiazarian, IEEE TIP 2008), https://doi.org/10.1109/TIP.2008.2001399
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erfcx, gammainc, ndtr

Floats = NDArray[np.float64]

LARGEST_DEVIATION = 100.0  # of white; beyond it nearly every value is black or white, and digits are lost
_FAR = 40.0  # deviations beyond which the density of a normal is 0 in float64
_HALVINGS = 64  # of an interval: more than float64 can tell apart


def level_deviation(x: ArrayLike, lambda_shot: ArrayLike, lambda_read: ArrayLike) -> Floats:
    r"""The deviation of signal-dependent noise before clipping, as `camnoise.nlf.Heteroscedastic` has it.

    .. math:: s = \sqrt{\lambda_\mathrm{shot} \max(x, 0) + \lambda_\mathrm{read}}

    It is 0 where the root would be of a negative number: a fitted lambda_read (Foi's b) may be
    negative, and then the darkest levels have no noise.

    Args:
        x: scene-linear light, white = 1.
        lambda_shot, lambda_read: variances where white = 1 (Foi's a and b); shapes that broadcast with x.

    Raises:
        ValueError: lambda_shot below 0, or a value that is not finite.
    """
    x, shot, read = _finite("x", x), _finite("lambda_shot", lambda_shot), _finite("lambda_read", lambda_read)
    _check(shot >= 0, shot, "lambda_shot", "0 or more")
    return np.asarray(np.sqrt(np.maximum(shot * np.maximum(x, 0.0) + read, 0.0)))


def clipped_mean(x: ArrayLike, s: ArrayLike) -> Floats:
    """The mean of clip(x + s xi, 0, 1): its distance from the nearer limit, within 1e-11 of that.

    Args:
        x: the signal before noise and clipping, white = 1; any number.
        s: deviation before clipping, 0 to 100; shapes broadcast.

    Raises:
        ValueError: a deviation outside its range, or a value that is not finite.
    """
    x, s = _signal(x, s)
    return _mean(x, s)


def clipped_deviation(x: ArrayLike, s: ArrayLike) -> Floats:
    """The standard deviation of clip(x + s xi, 0, 1), within 1e-8 of itself however deep x lies beyond a limit.

    Args:
        x, s: as `clipped_mean`.

    Raises:
        ValueError: a deviation outside its range, or a value that is not finite.
    """
    x, s = _signal(x, s)
    return _deviation(x, s)


def unclipped_signal(
    mean: ArrayLike, lambda_shot: ArrayLike, lambda_read: ArrayLike, *, low: float = 0.0, high: float = 1.0
) -> Floats:
    r"""The signal x whose clipped mean is `mean`: what a network trained on clipped targets should have said.

    The clipped mean rises with x for all lambda_shot and lambda_read of 0 or more, since it is
    :math:`\int_0^1 P(\xi < (x - u) / s) \, du` and :math:`(x - u) / s` rises for each u. (A lambda_read
    below 0 is admitted; far below, several x may have one mean, and one of them is returned.)

    Args:
        mean: of clipped values, white = 1; any shape.
        lambda_shot, lambda_read: as `level_deviation`; shapes that broadcast with it.
        low, high: where x is sought, by halving: seconds for a million pixels, so of one noise level
            tabulate it. A mean that no x in between has gives the nearer end: what a
            denoiser says lies beyond the reachable ones now and then, and close to 0 and 1, where
            the curve is flat, x is not what a mean can tell.

    Raises:
        ValueError: low not below high, lambda_shot below 0, or a value that is not finite.
    """
    wanted = _finite("mean", mean)
    _check(np.asarray(low < high), np.asarray(low), "low", f"below high, {high:g}")
    shot, read = _finite("lambda_shot", lambda_shot), _finite("lambda_read", lambda_read)
    wanted, shot, read = np.broadcast_arrays(wanted, shot, read)

    def at(x: Floats) -> Floats:
        return _mean(x, level_deviation(x, shot, read))

    edges = [np.full(wanted.shape, edge) for edge in (low, high)]
    _signal(edges[1], level_deviation(edges[1], shot, read))
    return _bisect(lambda x: at(x) < wanted, *edges)


def unclipped(mean: ArrayLike, deviation: ArrayLike) -> tuple[Floats, Floats]:
    """Signal and deviation before clipping, from those after it: (x, s).

    For flat patches of a clipped picture, of which both were measured; it is too slow (a search within
    a search) for every pixel of an image.

    Args:
        mean: of clipped values; above 0 and below 1 wherever there is a deviation.
        deviation: of clipped values; at most what s = 100 leaves, a little under sqrt(mean (1 - mean)).

    Raises:
        ValueError: a mean or deviation that no clipped normal has, or a value that is not finite.
    """
    mean, deviation = np.broadcast_arrays(_finite("mean", mean), _finite("deviation", deviation))
    _check((mean >= 0) & (mean <= 1), mean, "mean", "0 to 1")
    _check(deviation >= 0, deviation, "deviation", "0 or more")
    most = _deviation(_signal_at(mean, np.full(mean.shape, LARGEST_DEVIATION)), np.asarray(LARGEST_DEVIATION))
    most = np.where((mean > 0) & (mean < 1), most, 0.0)
    wrong = deviation > most
    if wrong.any():
        raise ValueError(
            f"deviation is {deviation[wrong].flat[0]:g} at a mean of {mean[wrong].flat[0]:g}, "
            f"wanted at most {most[wrong].flat[0]:g}: no clipped normal has more"
        )
    # Clipping brings values together, so s is at least the deviation that it left; it is sought by its logarithm.
    least = np.log(np.where(deviation > 0, deviation, 1.0))

    def narrower(log_s: Floats) -> NDArray[np.bool_]:
        s = np.exp(log_s)
        return np.asarray(_deviation(_signal_at(mean, s), s) < deviation)

    s = np.exp(_bisect(narrower, least, np.full(mean.shape, np.log(LARGEST_DEVIATION))))
    s = np.where(deviation > 0, s, 0.0)
    return np.where(deviation > 0, _signal_at(mean, s), mean), s


def _signal_at(mean: Floats, s: Floats) -> Floats:
    """The x whose clipped mean is `mean` at a known s; deep in the clipped regions too."""
    return _bisect(lambda x: np.asarray(_mean(x, s) < mean), -_FAR * s, 1.0 + _FAR * s)


def _bisect(below: Callable[[Floats], NDArray[np.bool_]], low: Floats, high: Floats) -> Floats:
    """Where a rising function crosses, `below` saying whether it has not yet; an end where it does not."""
    least, risen = low, ~below(low)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        under = below(middle)
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return np.where(risen, least, 0.5 * (low + high))


def _mean(x: Floats, s: Floats) -> Floats:
    bright, x, scale = _dark_half(x, s)
    near, far = _distance(np.abs(x), scale), _distance(1.0 - x, scale)
    mean = np.maximum(x, 0.0) + s * (_first(near) - _first(far))
    return np.where(bright, 1.0 - mean, mean)


def _deviation(x: Floats, s: Floats) -> Floats:
    """s times the deviation of xi clipped to [A, B], A = -x / s and B = (1 - x) / s, for the dark half of x."""
    _, x, scale = _dark_half(x, s)
    near, b = _distance(np.abs(x), scale), _distance(1.0 - x, scale)
    # Inside the range, moments of clipped xi about x itself: E xi^2 over [0, t] is half an incomplete
    # gamma function, and all terms are positive.
    square = 0.5 * (gammainc(1.5, 0.5 * near**2) + gammainc(1.5, 0.5 * b**2)) + near**2 * ndtr(-near) + b**2 * ndtr(-b)
    inside = square - (_first(near) - _first(b)) ** 2
    # Beyond black, about the limit: what lies over A, of which little is left over B.
    beyond = 2.0 * (_second(near) - _second(b) - (b - near) * _first(b)) - (_first(near) - _first(b)) ** 2
    return s * np.sqrt(np.maximum(np.where(x < 0.0, beyond, inside), 0.0))


def _dark_half(x: Floats, s: Floats) -> tuple[NDArray[np.bool_], Floats, Floats]:
    """Whether x lies above 1/2, its mirror image if so, and s, or 1 where that is 0."""
    bright = x > 0.5
    return bright, np.where(bright, 1.0 - x, x), np.where(s > 0.0, s, 1.0)


def _distance(to: Floats, scale: Floats) -> Floats:
    """In deviations, at most `_FAR`; taken before dividing, which might overflow."""
    return np.minimum(to, _FAR * scale) / scale


def _mills(t: Floats) -> Floats:
    """P(xi > t) over the density at t."""
    return np.asarray(np.sqrt(np.pi / 2.0) * erfcx(t / np.sqrt(2.0)))


def _density(t: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * t * t) / np.sqrt(2.0 * np.pi))


def _first(t: Floats) -> Floats:
    """I1: the integral of P(xi > v) from t >= 0 on, which is E max(xi - t, 0)."""
    return np.asarray(_density(t) * (1.0 - t * _mills(t)))


def _second(t: Floats) -> Floats:
    """The integral of I1 from t >= 0 on, which is half of E max(xi - t, 0)^2."""
    return np.asarray(0.5 * _density(t) * ((1.0 + t * t) * _mills(t) - t))


def _signal(x: ArrayLike, s: ArrayLike) -> tuple[Floats, Floats]:
    x, s = np.broadcast_arrays(_finite("x", x), _finite("s", s))
    _check((s >= 0) & (s <= LARGEST_DEVIATION), s, "s", f"0 to {LARGEST_DEVIATION:g}")
    return x, s


def _finite(name: str, value: ArrayLike) -> Floats:
    array = np.asarray(value, np.float64)
    _check(np.isfinite(array), array, name, "a finite number")
    return array


def _check(right: NDArray[np.bool_] | np.bool_, value: Floats, name: str, wanted: str) -> None:
    if not np.all(right):
        raise ValueError(f"{name} is {value[~right].flat[0]:g}, wanted {wanted}")
