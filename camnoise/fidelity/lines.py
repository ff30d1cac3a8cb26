"""Noise that whole rows and columns share: taken from the pixels' residuals, and measured by itself.

Such noise ties bands of rows together. A pixel's residual without it leaves bands that may change places; and a fault
of the rows is then seen among the rows.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .bins import Bins
from .exposures import Array
from .measures import Floats, Head, Measure, standardized
from .regions import Region
from .spectra import taper


def without_lines(region: Region, bins: Bins) -> Region:
    """The region with residuals less each exposure's row and column means, each pixel weighted by its variance.

    A patch is left as it is: its rows are short.
    """
    if region.centered is None:
        return region
    weight = np.where(region.usable, 1 / bins.variance_at(region.level), 0.0)
    across, down = (np.maximum(weight.sum(axis), 1e-300) for axis in (1, 0))
    left = []
    for noise in region.noise:
        one = noise - ((noise * weight).sum(2) / across)[:, :, None]
        left.append(one - ((one * weight).sum(1) / down)[:, None, :])
    return replace(region, noise=(left[0], left[1]))


def dithered(regions: Sequence[Region], seed: int) -> list[Region]:
    """The regions with residuals moved by up to half a step between those of rounded frames, real and simulated alike.

    Such residuals lie on a lattice. The mean of a column, which all bands share, moves the lattice, and fine cells
    would tell equal cameras by that.
    """
    generator = np.random.Generator(np.random.Philox(key=[seed, 2]))

    def moved(noise: Array, step: float) -> Array:
        by: Array = noise + np.float32(step) * (generator.random(noise.shape, np.float32) - np.float32(0.5))
        return by

    return [replace(r, noise=(moved(r.noise[0], r.step), moved(r.noise[1], r.step))) for r in regions]


def shared_rows(regions: Sequence[Region], bins: Bins) -> Measure:
    """The variance of what the even and the odd columns of a row have in common: row noise, whatever the white noise.

    In a mosaic these are two filters, so that row noise drawn for each packed plane gives 0 here. What changes places
    is pairs of frequencies of the rows, which are independent where rows are not; bands of rows in patches.
    """
    sums: list[list[Floats]] = [[], []]
    total = 0.0
    for region in regions:
        z, deviation = standardized(region, bins)
        weight = np.where(region.usable, 1 / deviation, 0.0)
        halves = [(weight[:, parity::2] ** 2).sum(1) for parity in (0, 1)]
        root = np.sqrt(np.maximum(np.sqrt(halves[0] * halves[1]), 1e-300))  # each row weighs as its means allow
        total += float((root**2).sum()) * len(z[0])
        for side in (0, 1):
            even, odd = ((z[side][:, :, p::2] * weight[:, p::2]).sum(2) / root for p in (0, 1))
            if region.centered is None:
                sums[side].append(np.bincount(region.bands - region.bands[0], (even * odd).sum(0)).astype(np.float64))
                continue
            fade = taper(even.shape[1])
            product = np.fft.rfft(even * fade, axis=1) * np.conj(np.fft.rfft(odd * fade, axis=1))
            twice = np.full(product.shape[1], 2.0)
            twice[0] = 1.0
            if even.shape[1] % 2 == 0:
                twice[-1] = 1.0
            pairs = np.add.reduceat(product.real.sum(0) * twice, np.arange(0, len(twice), 2))
            sums[side].append(pairs / even.shape[1])
    both = [np.concatenate(of)[:, None] / total for of in sums]
    head = Head("row noise", "shared by the filters of a row", "DN²")
    return Measure([head], (both[0], both[1]), lambda a, b: np.abs(a - b), lambda a: a)
