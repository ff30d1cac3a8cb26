"""From real and simulated exposures to lines with verdicts."""

from collections.abc import Sequence

import numpy as np

from .bins import Bins, bins_of
from .exposures import Exposures
from .lines import dithered, shared_rows, without_lines
from .means import Mean, means_of
from .measures import (
    Floats,
    Head,
    Histogram,
    Measure,
    histograms,
    marginal,
    neighbors_and_tails,
    transfer,
)
from .outcome import Curve, Fidelity, Interval, Level, Line, Transfer
from .regions import Region, regions_of
from .spectra import Power, spectra
from .swaps import Verdict, verdicts

ALPHA = 0.01
SWAPS = 1999
_FAMILIES = 4  # pixels, means, shared rows and spectra, each tested at a quarter of alpha
_AGAIN = 400  # draws of bands for an interval


def measure(
    real: Sequence[Exposures],
    simulated: Sequence[Exposures],
    *,
    simulated_name: str,
    exposed: bool = False,
    alpha: float = ALPHA,
    seed: int = 0,
    swaps: int = SWAPS,
) -> Fidelity:
    """Compares scene by scene; see `camnoise.fidelity.compare`. `exposed` is whether a camera exposed the real means.

    Raises:
        ValueError: scenes that do not match, too few frames or rows, an alpha that the swaps cannot resolve.
    """
    from .. import __version__

    if not 0 < alpha < 1 or swaps + 1 < 2 * _FAMILIES / alpha:
        raise ValueError(f"alpha is {alpha:g} with {swaps} swaps, wanted at least {2 * _FAMILIES / alpha:.0f} swaps")
    regions = regions_of(real, simulated, exposed)
    bins = bins_of(regions)
    bands = int(regions[-1].bands[-1]) + 1
    wheres = [f"{round(mean)} DN" for mean in bins.mean.tolist()]
    pixels = [without_lines(region, bins) for region in regions]
    counted = histograms(dithered(pixels, seed), bins, bands)
    curve, line, share = transfer(pixels, bins, bands, wheres)
    near, left_out = neighbors_and_tails(pixels, bins, bands)
    stacks = all(region.centered is not None for region in regions)
    means = means_of(regions, bins, wheres, colors=real[0].cfa is not None) if stacks else []
    left_out += [] if stacks else _of_patches(regions)
    deviations = np.sqrt(bins.variance).tolist()
    marginals = [marginal(*each) for each in zip(counted, wheres, deviations, strict=True)]
    measures = [*marginals, curve, *near]
    found = verdicts(measures, swaps, seed)
    lines = [each for one, judged in zip(measures, found, strict=True) for each in _lines(one, judged, alpha)]
    lines += [_mean_line(mean, len(means), alpha) for mean in means]
    rows = shared_rows(regions, bins)
    lines += _lines(rows, verdicts([rows], swaps, seed + 1)[0], alpha)
    powers, curves = spectra(regions, bins)
    lines += [_power_line(power, len(powers), alpha) for power in powers]
    if len(bins.mean) < 2:
        left_out.append("photon transfer: there is one level of light")
    if not powers:
        left_out.append("row and column spectra: there is one exposure")
    return Fidelity(
        real=", ".join(scene.name for scene in real),
        simulated=simulated_name,
        scenes=len(real),
        exposures=min(len(region.centered[0]) if region.centered else 1 for region in regions),
        pixels=sum(int(region.usable.sum()) for region in regions),
        alpha=alpha,
        seed=seed,
        swaps=swaps,
        lines=tuple(lines),
        left_out=tuple(left_out),
        levels=tuple(_levels(bins, counted, curve)),
        real_transfer=_transfer(curve.sums[0], share, line, seed),
        simulated_transfer=_transfer(curve.sums[1], share, line, seed),
        spectra=tuple(Curve(**one._asdict()) for one in curves),
        version=__version__,
    )


def _of_patches(regions: Sequence[Region]) -> list[str]:
    """What one exposure does not say."""
    defects = sum(int((~region.usable).sum()) for region in regions)
    return [
        "means: those of the real patches are the simulated light, and nothing says what they should be",
        f"defects: {defects:,} pixels beyond six deviations, or near white, are left out of the patches",
    ]


def _lines(measure: Measure, judged: Sequence[Verdict], alpha: float) -> list[Line]:
    sides = [None if measure.values is None else measure.values(sums.sum(0)) for sums in measure.sums]
    made = []
    for at, (head, verdict) in enumerate(zip(measure.heads, judged, strict=True)):
        real, simulated = (None if side is None or not np.isfinite(side[at]) else float(side[at]) for side in sides)
        made.append(_line(head, real, simulated, verdict._replace(p=min(1.0, _FAMILIES * verdict.p)), alpha))
    return made


def _line(head: Head, real: float | None, simulated: float | None, verdict: Verdict, alpha: float) -> Line:
    return Line(**head._asdict(), real=real, simulated=simulated, **verdict._asdict(), holds=verdict.p > alpha)


def _mean_line(mean: Mean, count: int, alpha: float) -> Line:
    judged = Verdict(mean.distance, mean.floor, min(1.0, _FAMILIES * count * mean.p))
    return _line(Head("mean", mean.where, "DN"), mean.real, mean.simulated, judged, alpha)


def _power_line(power: Power, count: int, alpha: float) -> Line:
    low = "0" if power.low == 0 else f"1/{1 / power.low:.0f}"
    where = f"{low} to 1/{1 / power.high:.0f} cycles per {power.axis}"
    judged = Verdict(power.distance, power.floor, min(1.0, _FAMILIES * count * power.p))
    return _line(Head(f"{power.axis} spectrum", where, ""), power.real, power.simulated, judged, alpha)


def _levels(bins: Bins, counted: Sequence[Histogram], curve: Measure) -> list[Level]:
    made = []
    for at, histogram in enumerate(counted):
        real, simulated = (sums.sum(0) for sums in histogram.sums)
        variances = [float(sums[:, at].sum()) for sums in curve.sums]
        made.append(
            Level(
                mean=float(bins.mean[at]),
                pixels=int(real.sum()),
                real=variances[0],
                simulated=variances[1],
                residual=tuple(histogram.centers.tolist()),
                real_counts=tuple(real.tolist()),
                simulated_counts=tuple(simulated.tolist()),
            )
        )
    return made


def _transfer(sums: Floats, share: Floats, line: Floats, seed: int) -> Transfer | None:
    if not len(line):
        return None
    bands = len(sums)
    draw = np.random.Generator(np.random.Philox(key=[seed, 1])).multinomial(bands, np.full(bands, 1 / bands), _AGAIN)
    drawn = draw @ share
    variances = np.where(drawn > 0, (draw @ sums) / np.maximum(drawn, 1e-12), sums.sum(0))
    again = variances @ line.T
    made = []
    for at, value in enumerate(line @ sums.sum(0)):
        low, high = np.quantile(again[:, at], [0.025, 0.975])
        made.append(Interval(value=float(value), low=float(low), high=float(high)))
    return Transfer(slope=made[0], intercept=made[1])
