"""From estimates of several images to a finding: what was measured, what was stated, how far apart they may be."""

from collections.abc import Sequence
from math import hypot, inf, sqrt

import numpy as np
from scipy import stats

from .estimates import Estimate
from .report import Finding


def signed(what: str, estimates: Sequence[Estimate], alpha: float, grain: float) -> Finding:
    """A quantity whose estimates are normal: their mean, against that of what was stated. float32 gives `grain`."""
    measured, stated = (float(np.mean([e[at] for e in estimates])) for at in (0, 1))
    reach = float(stats.norm.isf(alpha / 2)) * sqrt(sum(e.error**2 for e in estimates)) / len(estimates)
    reach += grain + 1e-6 * abs(stated)
    return Finding(what, measured, stated, stated - reach, stated + reach)


def spread(what: str, estimates: Sequence[Estimate], alpha: float, grain: float) -> Finding:
    """A variance: its own scatter is chi-square's, of as many degrees of freedom as it says; the rest is normal."""
    normal = signed(what, estimates, alpha, grain)
    own = sqrt(sum(e.own**2 for e in estimates)) / len(estimates)
    if normal.stated <= 0 or own == 0 or own == inf:
        return normal
    freedom = 2 * (normal.stated / own) ** 2
    rest = float(stats.norm.isf(alpha / 2)) * sqrt(sum(e.error**2 - e.own**2 for e in estimates)) / len(estimates)
    low, high = (float(stats.chi2.ppf(p, freedom)) / freedom - 1 for p in (alpha / 2, 1 - alpha / 2))
    return normal._replace(
        low=normal.stated - hypot(low * normal.stated, rest), high=normal.stated + hypot(high * normal.stated, rest)
    )


def slope(transfer: Sequence[tuple[float, Estimate]], alpha: float) -> list[Finding]:
    """Photon transfer: the variance against the mean, by weighted least squares."""
    means = np.array([mean for mean, _ in transfer])
    if len(means) < 2 or np.ptp(means) == 0 or not all(0 < e.error < inf for _, e in transfer):
        return []
    weights = np.array([1 / e.error for _, e in transfer])
    a = np.stack([means, np.ones_like(means)], 1) * weights[:, None]
    covariance = np.linalg.inv(a.T @ a)
    fits = [covariance @ (a.T @ (np.array([e[at] for _, e in transfer]) * weights)) for at in (0, 1)]
    reach = float(stats.norm.isf(alpha / 2))
    return [
        Finding(what, float(fits[0][at]), float(stated := fits[1][at]), float(stated - r), float(stated + r))
        for at, what in enumerate(("photon transfer: slope", "photon transfer: intercept"))
        for r in [reach * sqrt(covariance[at, at])]
    ]
