r"""Sensors in the words of single programs and papers, to and from K [DN per electron] and sigma [DN].

===========  ===================================================================================
HDR merging  k [DN per electron at ISO 100], read noise before and after the amplifier [e-]
PMRID        polynomials in ISO: k [DN per electron] and the variance of the read noise [DN squared]
GalSim       gain [e- per ADU], the inverse of K, and read noise [e-]
===========  ===================================================================================

References:
    | Noise-Aware Merging of High Dynamic Range Image Stacks without Camera Calibration
    | (Hanji, Zhong & Mantiuk, ECCV Workshops 2020)
    | Practical Deep Raw Image Denoising on Mobile Devices
    | (Wang et al., ECCV 2020), https://arxiv.org/abs/2010.06935
    | GalSim: The modular galaxy image simulation toolkit
    | (Rowe et al., Astronomy and Computing 2015), https://arxiv.org/abs/1407.7676
"""

from math import isfinite, sqrt
from typing import NamedTuple


class SplitNumbers(NamedTuple):
    """A sensor whose read noise is known on both sides of its amplifier.

    Attributes:
        K: gain, DN per electron.
        sigma_preamp: standard deviation before the gain, electrons.
        sigma: standard deviation after it, DN.
    """

    K: float
    sigma_preamp: float
    sigma: float


def from_hdr(k: float, std_read: float, std_adc: float, *, iso: float) -> SplitNumbers:
    r"""The sensor at an ISO, of the numbers that HDR merging states for ISO 100.

    .. math:: \mathrm{Var}[\mathrm{DN}] = x g k + (\sigma_\mathrm{read} g k)^2 + (\sigma_\mathrm{adc} k)^2,
        \qquad g = \mathrm{ISO} / 100

    Args:
        k: gain at ISO 100, DN per electron.
        std_read: before the amplifier, electrons.
        std_adc: after the amplifier, in electrons of ISO 100.
        iso: of the shot.

    Raises:
        ValueError: a gain or ISO that is not positive, a negative deviation.
    """
    _check_hdr(k, iso, std_read=std_read, std_adc=std_adc)
    return SplitNumbers(k * iso / 100, std_read, std_adc * k)


def to_hdr(numbers: SplitNumbers, *, iso: float) -> tuple[float, float, float]:
    """k, std_read and std_adc of a sensor at an ISO; the inverse of `from_hdr`.

    Raises:
        ValueError: as `from_hdr`.
    """
    K, preamp, sigma = numbers
    _check_hdr(K, iso, sigma_preamp=preamp, sigma=sigma)
    k = K * 100 / iso
    return k, preamp, sigma / k


def from_pmrid(
    k_of_iso: tuple[float, float], variance_of_iso: tuple[float, float, float], iso: float
) -> tuple[float, float]:
    """K [DN per electron] and sigma [DN] at an ISO, of PMRID's two polynomials.

    What they call sigma is the *variance* of the read noise; here sigma is its root. `to_nlf` makes
    variances where white = 1 of the two.

    Args:
        k_of_iso: p0, p1 of k = p0 ISO + p1.
        variance_of_iso: q0, q1, q2 of q0 ISO^2 + q1 ISO + q2.
        iso: of the shot.

    Raises:
        ValueError: an ISO at which the gain is not positive or the variance is negative.
    """
    (p0, p1), (q0, q1, q2) = k_of_iso, variance_of_iso
    k, variance = p0 * iso + p1, (q0 * iso + q1) * iso + q2
    _positive("iso", iso)
    _positive(f"k at ISO {iso:g}", k)
    _not_negative(f"variance at ISO {iso:g}", variance)
    return k, sqrt(variance)


def from_galsim(gain: float, read_noise: float) -> tuple[float, float]:
    """K [DN per electron] and sigma [DN] of a gain in e- per ADU and a read noise in electrons.

    Raises:
        ValueError: a gain that is not positive, a negative deviation.
    """
    _positive("gain", gain)
    _not_negative("read_noise", read_noise)
    return 1 / gain, read_noise / gain


def to_galsim(K: float, sigma: float) -> tuple[float, float]:
    """Gain [e- per ADU] and read noise [e-] of K and sigma; the inverse of `from_galsim`.

    Raises:
        ValueError: a gain that is not positive, a negative deviation.
    """
    _positive("K", K)
    _not_negative("sigma", sigma)
    return 1 / K, sigma / K


def _check_hdr(gain: float, iso: float, **deviations: float) -> None:
    _positive("gain", gain)
    _positive("iso", iso)
    for name, value in deviations.items():
        _not_negative(name, value)


def _positive(name: str, value: float) -> None:
    if not (value > 0 and isfinite(value)):
        raise ValueError(f"{name} is {value:g}, wanted above 0")


def _not_negative(name: str, value: float) -> None:
    if not (value >= 0 and isfinite(value)):
        raise ValueError(f"{name} is {value:g}, wanted 0 or more")
