r"""The noise of a sensor in the words of each community that measures it, and exact conversions between them.

The canonical words are K [DN per electron] and sigma, the standard deviation of the read noise [DN],
with the levels `black` and `white` [DN] that they belong to; S = white - black.

==================  ============================================================================
NLF                 variance :math:`\lambda_\mathrm{shot} x + \lambda_\mathrm{read}` where white = 1
Foi's (a, b)        the NLF under other names
DNG NoiseProfile    (S, O) per color plane: the NLF of an image that was not multiplied by a ratio
EMVA 1288           K and sigma_d, the deviation of the dark noise in electrons; quantization apart
ELD                 the raw scale of a Tukey lambda law [DN] instead of its deviation
HDR, PMRID, GalSim  see `camnoise.dialects`, whose functions stand here too
==================  ============================================================================

A variance is never mistaken for a deviation here: `sigma` is always a deviation, `lambda_*` a
variance. All functions take and give Python floats.

References:
    | Practical Poissonian-Gaussian Noise Modeling and Fitting for Single-Image Raw-Data
    | (Foi, Trimeche, Katkovnik & Egiazarian, IEEE TIP 2008), https://doi.org/10.1109/TIP.2008.2001399
    | Digital Negative (DNG) Specification (Adobe), tag NoiseProfile
    | EMVA Standard 1288, release 4.0
    | A Physics-based Noise Formation Model for Extreme Low-light Raw Denoising
    | (Wei et al., CVPR 2020), https://arxiv.org/abs/2003.12751
"""

from collections.abc import Mapping, Sequence
from math import isfinite, log, sqrt
from typing import NamedTuple

import numpy as np

from .dialects import SplitNumbers as SplitNumbers
from .dialects import from_galsim as from_galsim
from .dialects import from_hdr as from_hdr
from .dialects import from_pmrid as from_pmrid
from .dialects import to_galsim as to_galsim
from .dialects import to_hdr as to_hdr
from .moments import LEAST_SHAPE, tukey_lambda_deviation


class NLF(NamedTuple):
    """A noise level function: the variance of a pixel is lambda_shot x + lambda_read, white = 1.

    `Heteroscedastic(**nlf._asdict())` is the stage that adds such noise.

    Attributes:
        lambda_shot: variance per unit of light.
        lambda_read: variance in the dark.
    """

    lambda_shot: float
    lambda_read: float


class SensorNumbers(NamedTuple):
    """A sensor at some bit depth, all in DN of that depth.

    Attributes:
        K: gain, DN per electron.
        sigma: standard deviation of the read noise, DN.
        black, white: levels, DN.
        step: of the converter, DN.
    """

    K: float
    sigma: float
    black: float
    white: float
    step: float = 1.0


# --- noise level functions


def to_nlf(K: float, sigma: float, *, black: float, white: float, ratio: float = 1.0) -> NLF:
    r"""The noise level function of a sensor.

    .. math:: \lambda_\mathrm{shot} = K r / S, \qquad \lambda_\mathrm{read} = (r \sigma / S)^2

    Args:
        K: gain, DN per electron.
        sigma: standard deviation of the noise that does not follow the light, DN.
        black, white: levels, DN.
        ratio: r, by which the image was multiplied: signal and noise alike, so that the variance
            of the read noise grows with its square. The shot noise grows with r alone, because an image
            that is multiplied by r was r times darker.

    Raises:
        ValueError: a gain or ratio that is not positive, a negative deviation, white not above black.
    """
    span = _span(black, white)
    _check(K > 0, K, "K", "above 0")
    _check(sigma >= 0, sigma, "sigma", "0 or more")
    _check(ratio > 0, ratio, "ratio", "above 0")
    return NLF(K * ratio / span, (ratio * sigma / span) ** 2)


def from_nlf(nlf: NLF, *, black: float, white: float, ratio: float = 1.0) -> tuple[float, float]:
    """K [DN per electron] and sigma [DN] of a noise level function; the inverse of `to_nlf`.

    Args:
        nlf: a fitted lambda_read (Foi's b) may be negative, and then there is no sigma.
        black, white, ratio: as `to_nlf`.

    Raises:
        ValueError: lambda_shot not positive, lambda_read negative, levels or ratio as in `to_nlf`.
    """
    span = _span(black, white)
    _check(ratio > 0, ratio, "ratio", "above 0")
    shot, read = _physical(nlf)
    return shot * span / ratio, sqrt(read) * span / ratio


def with_ratio(nlf: NLF, ratio: float) -> NLF:
    """The noise level function of a shot `ratio` times darker, multiplied back; two in turn multiply.

    lambda_shot grows with the ratio and lambda_read with its square. A ratio below 1 undoes one.

    Raises:
        ValueError: a ratio that is not positive, or a value that is not finite.
    """
    shot, read = nlf
    _check(ratio > 0, ratio, "ratio", "above 0")
    _finite(shot, "lambda_shot")
    _finite(read, "lambda_read")
    return NLF(shot * ratio, read * ratio**2)


def heteroscedastic_form(drawn: Mapping[str, float]) -> NLF:
    r"""The noise level function of a whole sensor, from the table of its drawn parameters.

    .. math::
        \lambda_\mathrm{shot} = K r / S, \quad
        \lambda_\mathrm{read} = \frac{r^2}{S^2} \left( \sigma_\mathrm{read}^2 + \sigma_\mathrm{row}^2
        + \sigma_\mathrm{col}^2 + \sigma_\mathrm{periodic}^2 + K^2 (\sigma_\mathrm{preamp}^2 + D)
        + q^2 / 12 \right)

    with q the converter's step where there is one and D the mean dark charge in electrons. It is
    the variance of one pixel over exposures, so it says nothing of the rows that share their noise, nor
    of tails. Column noise counts, whether it is temporal or fixed; the patterns that belong to
    pixels of a body (PRNU, DSNU, hot pixels, the spread of the dark current) do not. A bank of dark frames
    states nothing in the table.

    Only the variance: dark charge and color bias shift the mean too, by r K D / S and r bias / S,
    and x is the light alone. The quantization is that of a converter whose noise reaches half a step,
    and nothing is clipped.

    Args:
        drawn: one image's row of the table, as `pipeline.draw(ids).sample(0)` gives it, with K, black,
            white and ratio; all else only where the sensor has it.

    Returns:
        What `Heteroscedastic` needs to be that sensor's short cut.

    Raises:
        ValueError: a missing name; read noise that is stated by a raw scale alone, and may have no deviation.
    """
    missing = [name for name in ("K", "black", "white", "ratio") if name not in drawn]
    if missing:
        raise ValueError(
            f"drawn has no {' and no '.join(missing)}, wanted the parameters of a sensor with Expose and Gain"
        )
    if "scale_read" in drawn and "sigma_read" not in drawn:
        raise ValueError("drawn has scale_read and no sigma_read, wanted read noise that states its deviation")
    K = drawn["K"]
    names = ("sigma_read", "sigma_row", "sigma_col", "sigma_periodic")
    after = sum(_part(drawn, name) ** 2 for name in names)
    rate = drawn.get("dark_current", 0.0) + drawn.get("hot_fraction", 0.0) * drawn.get("hot_current", 0.0)
    charge = rate * drawn.get("dark_time", 0.0)
    _check(charge >= 0, charge, "dark charge", "0 or more")
    before = K**2 * (_part(drawn, "sigma_preamp") ** 2 + charge)
    sigma = sqrt(after + before + _part(drawn, "step") ** 2 / 12)
    return to_nlf(K, sigma, black=drawn["black"], white=drawn["white"], ratio=drawn["ratio"])


# --- DNG


def to_noise_profile(planes: Sequence[NLF]) -> list[float]:
    """The doubles of a DNG's NoiseProfile: S and O of each color plane in turn.

    The tag's variance is S x + O for linear x in [0, 1] of the raw image, so it is the noise level function
    at a ratio of 1, plane by plane. One plane may stand for all.

    Args:
        planes: one, or one per color plane in the file's order.

    Raises:
        ValueError: no plane; S not positive or O negative, which the tag does not admit.
    """
    if not planes:
        raise ValueError("planes is empty, wanted a noise level function, or one per color plane")
    return [number for nlf in planes for number in _physical(nlf)]


def from_noise_profile(values: Sequence[float] | Sequence[Sequence[float]]) -> list[NLF]:
    """The noise level function of each color plane of a DNG's NoiseProfile; `from_nlf` gives its K and sigma.

    What a camera's maker wrote there is seldom what its sensor does; it is read as it stands.

    Args:
        values: the tag's doubles, two per plane; or (S, O) pairs.

    Raises:
        ValueError: none or an odd number of values, S not positive, O negative.
    """
    pairs = [list(value) if isinstance(value, Sequence) else [value] for value in values]
    flat = [float(number) for pair in pairs for number in pair]
    if not flat or len(flat) % 2 or any(len(pair) not in (1, 2) for pair in pairs):
        raise ValueError(f"NoiseProfile has {len(flat)} values, wanted S and O of each plane")
    return [_physical(NLF(*flat[i : i + 2])) for i in range(0, len(flat), 2)]


# --- EMVA 1288


def to_emva(K: float, sigma: float) -> float:
    """sigma_d, the deviation of the dark noise in electrons, from sigma in DN.

    Without the variance of quantization, which EMVA 1288 states by itself, as this library does.

    Raises:
        ValueError: a gain that is not positive, a negative deviation.
    """
    _check(K > 0, K, "K", "above 0")
    _check(sigma >= 0, sigma, "sigma", "0 or more")
    return sigma / K


def from_emva(K: float, sigma_d: float) -> float:
    """sigma in DN from sigma_d in electrons; the inverse of `to_emva`.

    Raises:
        ValueError: a gain that is not positive, a negative deviation.
    """
    _check(K > 0, K, "K", "above 0")
    _check(sigma_d >= 0, sigma_d, "sigma_d", "0 or more")
    return K * sigma_d


def emva_dark_variance(K: float, sigma_d: float, step: float = 1.0) -> float:
    r"""What a laboratory measures of dark frames, in DN squared, before it takes quantization away.

    .. math:: \sigma_{y,\mathrm{dark}}^2 = K^2 \sigma_d^2 + q^2 / 12

    Args:
        K: gain, DN per electron.
        sigma_d: deviation of the dark noise, electrons; times K at least half a step, or rounding is no noise.
        step: q of the converter, DN.

    Raises:
        ValueError: a gain or step that is not positive, a negative deviation.
    """
    _check(step > 0, step, "step", "above 0")
    return from_emva(K, sigma_d) ** 2 + step**2 / 12


# --- ELD


def tukey_sigma(scale: float, lam: float) -> float:
    """The standard deviation [DN] of a Tukey lambda law of a raw scale [DN], as ELD and PMN publish.

    Over all 2^32 words, and with lam as float32 has it: rounded to float32 it is what
    `TukeyLambdaRead(scale=..., lam=...)` states as `sigma_read`, bit for bit where the scale is a
    float32 too.

    Args:
        scale: as published, DN.
        lam: shape, -0.49 to 2. Below -0.35 the deviation says more of the number of words than of the law.

    Raises:
        ValueError: a negative scale, a shape outside the range.
    """
    _check(scale >= 0, scale, "scale", "0 or more")
    return scale * _unit_deviation(lam)


def tukey_scale(sigma: float, lam: float) -> float:
    """The raw scale [DN] of a Tukey lambda law of a standard deviation [DN]; the inverse of `tukey_sigma`.

    Args:
        sigma: over all words, DN.
        lam: shape, -0.35 to 2, where a deviation may be stated.

    Raises:
        ValueError: a negative deviation, a shape outside the range.
    """
    _check(sigma >= 0, sigma, "sigma", "0 or more")
    _check(np.float32(lam) >= np.float32(LEAST_SHAPE), lam, "Tukey lambda shape", f"{LEAST_SHAPE:g} to 2")
    return sigma / _unit_deviation(lam)


# --- bit depth


def rescale_bits(numbers: SensorNumbers, *, from_bits: int, to_bits: int) -> SensorNumbers:
    """The same sensor with its numbers counted in DN of another bit depth.

    Everything is multiplied by 2^(to_bits - from_bits), which is what shifting raw values does, so that
    the noise level function stays exactly as it was. White levels are, too: a white at the very
    top, 16383 of 14 bits, becomes 4095.75 of 12 bits and not 4095, because 2^b - 1 does not scale. A
    converter of 12 bits cannot reach that; give its `Expose` 4095, which makes lambda_shot 0.02 % larger.

    `step` is the same converter's: 1 of 14 bits is 0.25 of 12 bits. A converter that has only 12 bits has
    a step of 1 there, and more noise.

    Raises:
        ValueError: a depth outside 1 to 24 bits, or numbers that are no sensor's.
    """
    factor = 2.0 ** _more_bits(from_bits, to_bits)
    _span(numbers.black, numbers.white)
    _check(numbers.K > 0, numbers.K, "K", "above 0")
    _check(numbers.sigma >= 0, numbers.sigma, "sigma", "0 or more")
    _check(numbers.step > 0, numbers.step, "step", "above 0")
    return SensorNumbers(*(number * factor for number in numbers))


def rescale_bias(slope: float, bias: float, *, from_bits: int, to_bits: int) -> float:
    r"""The bias of ELD's law :math:`\log \sigma = \mathrm{slope} \log K + \mathrm{bias}` at another bit depth.

    Both sigma and K count in DN, so the slope and the scatter stay. Natural logarithms.

    Raises:
        ValueError: a depth outside 1 to 24 bits, or a value that is not finite.
    """
    more = _more_bits(from_bits, to_bits)
    _finite(slope, "slope")
    _finite(bias, "bias")
    return bias + (1.0 - slope) * more * log(2.0)


# --- checks


def _physical(nlf: NLF) -> NLF:
    shot, read = nlf
    _check(shot > 0, shot, "lambda_shot", "above 0")
    _check(read >= 0, read, "lambda_read", "0 or more")
    return NLF(shot, read)


def _span(black: float, white: float) -> float:
    _finite(black, "black")
    _check(white > black, white, "white", f"above black, {black:g}")
    return white - black


def _more_bits(from_bits: int, to_bits: int) -> int:
    for name, bits in (("from_bits", from_bits), ("to_bits", to_bits)):
        _check(1 <= bits <= 24, bits, name, "1 to 24")
    return to_bits - from_bits


def _part(drawn: Mapping[str, float], name: str) -> float:
    """A deviation, or 0 where the sensor has none."""
    value = drawn.get(name, 0.0)
    _check(value >= 0, value, name, "0 or more")
    return value


def _unit_deviation(lam: float) -> float:
    return float(tukey_lambda_deviation(np.asarray(lam, np.float32)))


def _finite(value: float, name: str) -> None:
    _check(True, value, name, "a finite number")


def _check(right: bool | np.bool_, value: float, name: str, wanted: str) -> None:
    if not (right and isfinite(value)):
        raise ValueError(f"{name} is {value:g}, wanted {wanted}")
