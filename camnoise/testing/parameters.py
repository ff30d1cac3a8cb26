"""Parameters against the laws that are to draw them: per image, and independent of each other."""

from collections.abc import Callable
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ..distributions import LogUniform, Normal, SquaredUniform, TruncatedNormal, Uniform
from ..laws import BranchedLogLinear, InterpolatedInGain, LogLinear, NearestInGain, depends_on
from ..mixture import CHOICE, Mixture
from ..pipeline import Pipeline
from ..stage import fixed_value
from .bounds import ALPHA, dkw, mean_product
from .report import Finding, Report

Array = NDArray[np.float64]
KNOWN = (
    *(Uniform, LogUniform, SquaredUniform, Normal, TruncatedNormal),
    *(LogLinear, BranchedLogLinear, NearestInGain, InterpolatedInGain),
)
FLOAT32 = 2e-6  # relative: a few roundings, and the logarithm's own


def measure_parameters(pipeline: Pipeline, *, images: int = 20_000, seed: int = 0, alpha: float = ALPHA) -> Report:
    """Draws the parameters of many images and holds each to its law, and every two to independence.

    Args:
        pipeline: whose laws are held to.
        images: how many.
        seed: of the draws.
        alpha: chance that a right law fails one finding.
    """
    laws = {name: law for stage in pipeline.stages for name, law in stage.laws().items() if fixed_value(law) is None}
    if not laws:
        return Report()
    drawn = pipeline.draw(range(images), seed=seed)
    table = {name: column.double().numpy() for name, column in drawn.items()}
    found: list[Finding] = []
    places: dict[str, Array] = {}
    left_out = []
    for name, law in laws.items():
        if not isinstance(law, KNOWN):
            left_out.append(f"parameter {name}: nothing is known of a {type(law).__name__}")
            continue
        given = table.get(depends_on(law) or "")
        place = _place(law, table[name], given)
        if place is None:
            found.append(_table_entries(name, law, table[name], given))
        elif place.min() == place.max():  # no scatter: exactly on its line
            found.append(Finding(f"{name}: distance from its line", float(place[0]), 0.0, 0.0, FLOAT32 * 50))
        else:
            gap = _uniform_gap(place)
            found.append(Finding(f"{name}: distribution, largest gap", gap, 0.0, 0.0, dkw(images, alpha)))
            places[name] = 2 * place - 1
    limit = mean_product(images, alpha)
    for one, other in combinations(places, 2):
        product = float((places[one] * places[other]).mean())
        found.append(Finding(f"correlation of {one} and {other}", product, 0.0, -limit, limit))
    for name, score in places.items():
        product = float((score[1:] * score[:-1]).mean())
        found.append(Finding(f"correlation of {name} in neighboring images", product, 0.0, -limit, limit))
    return Report(tuple(found), (), tuple(left_out))


def measure_choices(mixture: Mixture, *, images: int = 20_000, seed: int = 0, alpha: float = ALPHA) -> list[Finding]:
    """How often a mixture chooses each of its pipelines, against its weights."""
    choice = mixture.draw(range(images), seed=seed)[CHOICE].numpy()
    found = []
    for number, (pipeline, weight) in enumerate(zip(mixture.pipelines, mixture.weights, strict=True)):
        share = weight / sum(mixture.weights)
        low, high = (float(stats.binom.ppf(p, images, share)) for p in (alpha / 2, 1 - alpha / 2))
        seen = int((choice == number).sum())
        found.append(Finding(f"images of {pipeline.name}", seen, share * images, low, high))
    return found


def _place(law: object, values: Array, given: Array | None) -> Array | None:
    """Where in its law each value lies, in [0, 1]; None for tables. What has no scatter: its distance from the line."""
    if isinstance(law, Uniform | LogUniform | SquaredUniform):
        of: Callable[..., Array] = np.sqrt if isinstance(law, SquaredUniform) else np.asarray
        low, high = law.low, law.high
        if isinstance(law, LogUniform):
            of, low, high = np.log, np.log(law.low), np.log(law.high)
        return np.asarray((of(values) - low) / (high - low) if high > low else np.zeros_like(values))
    if isinstance(law, Normal):
        if law.sigma == 0:
            return np.full_like(values, np.abs(values - law.mean).max() / max(abs(law.mean), 1e-30))
        return np.asarray(stats.norm.cdf(values, law.mean, law.sigma))
    if isinstance(law, TruncatedNormal):
        low, high = ((edge - law.mean) / law.sigma for edge in (law.low, law.high))
        return np.asarray(stats.truncnorm.cdf(values, low, high, law.mean, law.sigma))
    if isinstance(law, LogLinear | BranchedLogLinear):
        assert given is not None
        if isinstance(law, LogLinear):
            slope, bias, scatter = (np.full_like(given, x) for x in (law.slope, law.bias, law.scatter))
        else:
            branch = np.searchsorted(np.array(law.K, np.float32), given, side="right") - 1
            slope, bias, scatter = (np.array(x)[branch] for x in (law.slope, law.bias, law.scatter))
        rest = np.log(values) - (slope * np.log(given) + bias)
        if (scatter == 0).any():
            return np.full_like(values, np.abs(rest[scatter == 0]).max())
        return np.asarray(stats.norm.cdf(rest / scatter))
    return None


def _table_entries(name: str, law: object, values: Array, given: Array | None) -> Finding:
    """The largest distance of a value from what its table has at that gain."""
    assert given is not None
    if isinstance(law, NearestInGain):
        gains, entries = np.log(np.array(law.K)), np.array(law.values)
        distance = np.abs(np.log(given)[:, None] - gains[None])
        nearest = distance <= distance.min(1, keepdims=True) + 1e-6  # all entries of that gain; ties count as both
        off = np.where(nearest, np.abs(values[:, None] - entries[None]), np.inf).min(1)
        scale = np.abs(entries).max()
    else:
        assert isinstance(law, InterpolatedInGain)
        y = np.log(law.values) if law.log_values else np.array(law.values)
        line = np.interp(np.log(given), np.log(law.K), y)
        off = np.abs(values - (np.exp(line) if law.log_values else line))
        scale = np.abs(law.values).max()
    limit = float(scale) * FLOAT32 * 5
    return Finding(f"{name}: distance from its table at that gain", float(off.max()), 0.0, 0.0, limit)


def _uniform_gap(place: Array) -> float:
    """Largest gap between the places' empirical CDF and the uniform one."""
    ordered = np.sort(place)
    steps = np.arange(1, len(place) + 1) / len(place)
    return float(max((steps - ordered).max(), (ordered - steps + 1 / len(place)).max()))
