"""The size and the law of the read noise, from differences of darks."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import exp, log, pi, sinh, sqrt

import numpy as np
from scipy import optimize, stats

from ..estimate import Estimate, Z
from .differences import BOUNDS, LAWS, Model, deviations
from .differences import Law as Law
from .lines import centered
from .stacks import Array, Stack, check_stack, tile_of, whole_tiles

HALF_STEP = 0.5  # of the step: under it sigma itself is not identifiable
SHAPE_STEP = 0.75  # of the step: under it the phase of the rounding speaks louder than a shape
SHAPE_REACH = 0.1  # of lambda or 1 / nu: a wider half interval says nothing of a shape
BETTER = float(stats.chi2.isf(0.01, 1))  # 6.63, twice the log likelihood that a shape must bring
UNDECIDED = 2.0  # twice the log likelihood under which two shapes are not told apart
FINE = 24  # bins to a deviation of the difference
CLIPPED_AT = 4.0  # deviations
MOST_BINS = 12_000  # 500 deviations; what is farther out counts there


@dataclass(frozen=True)
class LawFit:
    """The likeliest member of one family.

    Attributes:
        law: of the family.
        sigma: standard deviation of the noise of one frame as camnoise states it, DN; without quantization.
        shape: lambda, or nu; None for the normal law.
        log_likelihood: natural logarithm.
    """

    law: Law
    sigma: Estimate
    shape: Estimate | None
    log_likelihood: float


@dataclass(frozen=True)
class ReadFit:
    """What darks say of the read noise.

    Attributes:
        fits: of the three families, in the order normal, Tukey lambda, Student t.
        chosen: the law that the criterion takes (see `read_noise`).
        sigma, shape: of the chosen law; shape None where it has none or it is not identifiable.
        identifiable: whether the noise is wide enough, against the step, to say more than a bound.
        places, counts: centers [DN] and counts of a histogram of the size of differences of two frames, without
            what their rows and columns have in common.
        model: of the density of those differences.
        notes: sentences.
    """

    fits: tuple[LawFit, ...]
    chosen: Law
    sigma: Estimate
    shape: Estimate | None
    identifiable: bool
    places: Array
    counts: Array
    model: Model
    notes: tuple[str, ...]

    def fit(self, law: Law) -> LawFit:
        """That of one family."""
        return next(fit for fit in self.fits if fit.law == law)

    def quantiles(self, law: Law, points: int = 199) -> tuple[Array, Array]:
        """For a QQ plot of differences of two frames: (what the fitted law says, what was measured), DN.

        Args:
            law: one of the three.
            points: at probabilities evenly spaced in the normal quantile, as far out as the data reach.
        """
        fit = self.fit(law)
        total = self.counts.sum()
        far = float(stats.norm.isf(min(5 / total, 0.1)))
        p = stats.norm.cdf(np.linspace(-far, far, points))
        positive = np.abs(2 * p - 1)  # both sides are one in the histogram
        side, width = np.sign(p - 0.5), self.model.width
        density = np.exp(self.model.log_density(law, fit.sigma.value, _own_shape(fit)))
        said = _inverse(np.cumsum(density) * width, width, positive)
        seen = _inverse(np.cumsum(self.counts) / total, width, positive)
        return side * said, side * seen


def read_noise(darks: Stack, *, cfa: str | None, step: float = 1.0) -> ReadFit:
    r"""Fits three laws to the differences of pairs of darks: frames 1 and 2, 3 and 4, ...

    A difference has no fixed pattern and no color bias, so that no offset of a pixel has to be estimated. What rows
    and columns have in common is taken out, and the factor that this costs is put back. A difference of two rounded
    numbers, where the level lies anywhere between two steps, is exactly the difference D of the two noises seen
    through a triangle as wide as two steps:

    .. math:: P(d) = \mathbb{E}[\max(0, 1 - |d - D| / q)], \quad D = e_1 - e_2

    which is the interval-censored likelihood of both. At one single level the error of that is
    :math:`e^{-4 \pi^2 \sigma^2 / q^2}` for normal noise: 5e-5 at half a step.

    The law is normal unless a shape makes twice the log likelihood larger by 6.63, the 1 % point of chi-square of one
    degree: a penalty a little above AIC's 2. Of Tukey lambda and Student t the likelier one is taken, and Tukey
    lambda where they differ by less than 2.

    Not identifiable: sigma under half a step (its interval is then 0 to 0.55 steps, whatever was found),
    and a shape under 0.75 steps, or where its interval is wider than +-0.1 (of lambda, or of 1 / nu). Between half
    a step and 0.75 steps the interval of sigma is made wider by what the place of the level between two steps may do.

    Args:
        darks: (frame, row, col) uint16, equal exposures, two frames or more; the last of an odd number is not used.
        cfa: the tile at the frames' (0, 0); None for a monochrome sensor.
        step: q of the converter, DN.

    Raises:
        TypeError, ValueError: a stack that is none, or of fewer than two frames.
    """
    places, counts, leverage = _histogram(darks, cfa, step)
    model = Model(len(places), float(places[1] - places[0]), step, leverage)
    square, fourth = (float((counts * places**power).sum() / counts.sum()) for power in (2, 4))
    kurtosis = 2 * (fourth / square**2 - 3)  # of one frame
    fits = tuple(_fit(model, law, counts, kurtosis) for law in LAWS)
    normal, tukey, student = fits

    notes: list[str] = []
    chosen = normal
    best = student if student.log_likelihood - tukey.log_likelihood > UNDECIDED / 2 else tukey
    if normal.sigma.value < HALF_STEP * step:
        notes.append(
            f"read noise is not identifiable: it is under half a step of {step:g} DN (about {normal.sigma.value:.2g} "
            "DN), where what is recorded depends on where the black level lies between two steps"
        )
        bound = Estimate(value=min(normal.sigma.value, 0.55 * step), low=0.0, high=0.55 * step)
        return ReadFit(fits, "gaussian", bound, None, False, places, counts, model, tuple(notes))
    if normal.sigma.value < SHAPE_STEP * step:
        notes.append(f"the shape of the read noise is not identifiable: it is under {SHAPE_STEP:g} of a step")
        chosen = replace(normal, sigma=_widened(normal.sigma, step))
    elif 2 * (best.log_likelihood - normal.log_likelihood) > BETTER:
        if _reach(best) > SHAPE_REACH:
            notes.append("the shape of the read noise is not identifiable: its interval is wider than +-0.1")
        else:
            chosen = best
            if 2 * abs(student.log_likelihood - tukey.log_likelihood) <= UNDECIDED:
                notes.append("Tukey lambda and Student t fit the read noise equally well; Tukey lambda was taken")
    return ReadFit(fits, chosen.law, chosen.sigma, chosen.shape, True, places, counts, model, tuple(notes))


def _histogram(darks: Stack, cfa: str | None, step: float) -> tuple[Array, Array, float]:
    """Centers of bins of the size of a difference, how many fell there, and the leverage of the lines' means.

    A pixel is itself a part, h, of the means that are subtracted from it: what is left of it is 1 - h of its noise,
    and noise of its neighbors' of variance h (1 - h), which the model adds. The means are taken of values clipped at
    four deviations, so that one outlier does not move its whole row; of the outlier itself h times four
    deviations are missing.
    """
    tile = tile_of(cfa)
    stack = whole_tiles(check_stack(darks, "darks"), tile)
    _, rows, cols = stack.shape
    leverage = (rows - tile.rows + cols - tile.cols + tile.rows * tile.cols) / (rows * cols)
    counts: Array = np.zeros(0)
    width = edge = 0.0
    for first in range(0, len(stack) - 1, 2):
        d = centered(stack[first].astype(np.float64) - stack[first + 1], tile)[0]
        if not width:
            middle = max(float(np.median(np.abs(d))) / 0.6745, 0.4 * step)  # whatever the tails
            width, edge = middle / FINE, CLIPPED_AT * middle
        for _ in range(2):
            inner = d.clip(-edge, edge)
            d -= inner - centered(inner, tile)[0]
        size = np.abs(d).ravel()
        size = np.where(size < edge * (1 - leverage), size / (1 - leverage), size + leverage * edge)
        found = np.bincount(np.minimum(size / width, MOST_BINS - 1).astype(np.int64)).astype(np.float64)
        longer, shorter = (counts, found) if len(counts) > len(found) else (found, counts)
        longer[: len(shorter)] += shorter
        counts = longer
    counts = np.append(counts, np.zeros(8))
    return np.asarray((np.arange(len(counts)) + 0.5) * width, np.float64), counts, leverage


def _fit(model: Model, law: Law, counts: Array, kurtosis: float) -> LawFit:
    """The likeliest quartile and shape; in a quartile, unlike in a deviation, tails have little say."""
    seen = counts > 0
    number = counts[seen]
    middle = model.width * FINE / sqrt(2) * 0.6745  # the quartile of one frame

    def against(x: Array) -> float:
        shape = float(np.clip(x[1], *BOUNDS[law])) if len(x) > 1 else 0.0
        sigma = middle * exp(min(max(x[0], -4.0), 2.0)) * deviations(law, shape)
        return -float((number * model.log_density(law, sigma, shape)[seen]).sum())

    low, high = BOUNDS[law]
    # Where tails are heavier than the normal law's, its own curvature would promise too much.
    slack = 1.0
    if law == "gaussian":
        found = optimize.minimize_scalar(lambda u: against(np.array([u])), bounds=(-3, 2), options={"xatol": 1e-5})
        best, value, steps = np.array([found.x]), float(found.fun), np.array([2e-3])
        slack = 1 + max(kurtosis, 0.0) / 2
    else:
        first = 0.0 if law == "tukey_lambda" else 0.12
        found = optimize.minimize(
            against,
            np.array([0.0, first]),
            method="Nelder-Mead",
            bounds=[(-3, 2), (low, high)],
            options={
                "initial_simplex": np.array([[0.0, first], [0.02, first], [0.0, first + 0.05]]),
                **{"xatol": 2e-5, "fatol": 1e-3, "maxfev": 300},
            },
        )
        best, value, steps = found.x, float(found.fun), np.array([2e-3, 5e-3])
    inside = best.copy()
    inside[1:] = inside[1:].clip(low + steps[-1], high - steps[-1])
    covariance = _inverse_of(_curvature(against, inside, steps)) * slack
    shape = None
    lam = 0.0
    tilt = np.array([1.0])  # of ln sigma against the parameters
    if law != "gaussian":
        lam, error = float(best[1]), sqrt(covariance[1, 1])
        a, b = max(lam - Z * error, low), min(lam + Z * error, high)
        edges = (a, lam, b) if law == "tukey_lambda" else (1 / b, 1 / lam, 1 / a)
        shape = Estimate(low=edges[0], value=edges[1], high=edges[2])
        near = [log(deviations(law, inside[1] + move)) for move in (-steps[1], steps[1])]
        tilt = np.array([1.0, (near[1] - near[0]) / (2 * steps[1])])
    sigma, reach = middle * exp(best[0]) * deviations(law, lam), Z * sqrt(tilt @ covariance @ tilt)
    reach = min(reach, 3.0)  # a flat likelihood says no more than a factor of 20
    return LawFit(law, Estimate(value=sigma, low=sigma * exp(-reach), high=sigma * exp(reach)), shape, -value)


def _widened(sigma: Estimate, step: float) -> Estimate:
    """By 3.5 times the characteristic function of a logistic law at one turn a step.

    As much as simulated darks of one single level were off at most (normal to lambda = -0.2, 0.5 to 0.75 steps).
    """
    x = 2 * pi * sqrt(3) * sigma.value / step
    share = 3.5 * x / sinh(x)
    return Estimate(value=sigma.value, low=sigma.low * (1 - share), high=sigma.high * (1 + share))


def _own_shape(fit: LawFit) -> float:
    """lambda, or 1 / nu."""
    if fit.shape is None:
        return 0.0
    return fit.shape.value if fit.law == "tukey_lambda" else 1 / fit.shape.value


def _reach(fit: LawFit) -> float:
    """Half the width of the interval of lambda, or of 1 / nu."""
    if fit.shape is None:
        return 0.0
    low, high = fit.shape.low, fit.shape.high
    return (high - low) / 2 if fit.law == "tukey_lambda" else (1 / low - 1 / high) / 2


def _curvature(function: Callable[[Array], float], at: Array, steps: Array) -> Array:
    """Second derivatives by differences."""
    n, middle = len(at), function(at)
    result = np.empty((n, n))
    moves = np.diag(steps)
    for i in range(n):
        result[i, i] = (function(at + moves[i]) - 2 * middle + function(at - moves[i])) / steps[i] ** 2
        for j in range(i):
            ends = [function(at + a * moves[i] + b * moves[j]) for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
            result[i, j] = result[j, i] = (ends[0] - ends[1] - ends[2] + ends[3]) / (4 * steps[i] * steps[j])
    return result


def _inverse_of(curvature: Array) -> Array:
    """Of a matrix that may not be positive where the likelihood is flat: then the interval is as wide as can be."""
    if np.linalg.eigvalsh(curvature).min() > 0:
        return np.asarray(np.linalg.inv(curvature), np.float64)
    flat: Array = np.diag([1 / max(curvature[0, 0], 1e-9), 1.0][: len(curvature)])
    return flat


def _inverse(cumulated: Array, width: float, p: Array) -> Array:
    edges = (np.arange(len(cumulated)) + 1) * width
    found: Array = np.interp(p, np.append(0.0, cumulated), np.append(0.0, edges))
    return found
