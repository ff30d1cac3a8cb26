r"""A sensor that can be differentiated: normal noise of the sensor's mean and variance, as a function of tensors.

.. math::
    y = x + \sqrt{\frac{K r}{S} x_+ + \frac{r^2 \sigma^2}{S^2}} \; \varepsilon
    + \frac{r}{S} \left( \sigma_\mathrm{row} \, \varepsilon_i + \sigma_\mathrm{col} \, \varepsilon_j \right),
    \qquad S = \mathrm{white} - \mathrm{black}

For what needs gradients: fitting a sensor's numbers by likelihood, learning an exposure, an adversary
in the noise. It stands beside the pipeline and *outside its promise*: its dice are torch's, so the
noise is no function of an address, and differs between devices and versions. The pipeline's photons
are counted; these are not, and below some ten electrons a Poisson law looks different from a normal one.

References:
    | Practical Poissonian-Gaussian Noise Modeling and Fitting for Single-Image Raw-Data
    | (Foi, Trimeche, Katkovnik & Egiazarian, IEEE TIP 2008), https://doi.org/10.1109/TIP.2008.2001399
"""

from typing import NamedTuple

import torch
from torch import Tensor

Number = float | Tensor  # one for all images, or (batch,)


class Normals(NamedTuple):
    """Standard normal numbers for one exposure, to be held fixed while everything else varies.

    Attributes:
        pixel: (batch, channel, row, col).
        row: (batch, 1, row, 1), shared along rows and by all channels.
        column: (batch, 1, 1, col).
    """

    pixel: Tensor
    row: Tensor
    column: Tensor


def draw_normals(image: Tensor, generator: torch.Generator | None = None) -> Normals:
    """New normal numbers for an image, in its device and dtype (float32 for a half).

    Args:
        image: (batch, channel, row, col), floating.
        generator: torch's, on the image's device; None is torch's own global one.

    Raises:
        TypeError: an image that is not floating.
        ValueError: an image without four dimensions.
    """
    shapes, dtype = _shapes(image), _precision(image)
    return Normals(*(torch.randn(s, generator=generator, dtype=dtype, device=image.device) for s in shapes))


def gaussian_sensor(
    image: Tensor,
    *,
    K: Number,
    sigma: Number,
    black: Number,
    white: Number,
    ratio: Number = 1.0,
    sigma_row: Number = 0.0,
    sigma_col: Number = 0.0,
    noise: Normals | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """One exposure by the Gaussian surrogate, differentiable in the image and in every number.

    Where the variance is 0 (a black pixel without read noise) its square root has no gradient, and 0
    is given for it; below black the light has no share in the variance.

    Args:
        image: (batch, channel, row, col) scene-linear, white = 1; any floating dtype. A half is computed
            in float32.
        K: gain, DN per electron.
        sigma: standard deviation of the read noise, DN.
        black, white: levels, DN.
        ratio: how many times under-exposed, and multiplied back.
        sigma_row, sigma_col: standard deviation of row and of column noise, DN.
        noise: normal numbers to use (the reparametrization trick); None draws new ones.
        generator: to draw them by, as `draw_normals`.

    Returns:
        The noisy image, of the shape, device and dtype of the clean one. Nothing is clipped or rounded.

    Raises:
        TypeError: an image that is not floating.
        ValueError: another shape, a number that no sensor has, both noise and generator.
    """
    if noise is not None and generator is not None:
        raise ValueError("got both noise and generator, wanted one of them at most")
    noise = draw_normals(image, generator) if noise is None else noise
    for name, given, shape in zip(Normals._fields, noise, _shapes(image), strict=True):
        if given.shape != shape:
            raise ValueError(f"noise.{name} has shape {tuple(given.shape)}, wanted {shape}")
    variance = gaussian_variance(image, K=K, sigma=sigma, black=black, white=white, ratio=ratio)
    scale = _scale(image, black, white, ratio)
    rows, columns = _column("sigma_row", sigma_row, image), _column("sigma_col", sigma_col, image)
    shared = scale * (rows * noise.row + columns * noise.column)
    return (image + _root(variance) * noise.pixel + shared).to(image.dtype)


def gaussian_variance(
    image: Tensor,
    *,
    K: Number,
    sigma: Number,
    black: Number,
    white: Number,
    ratio: Number = 1.0,
    sigma_row: Number = 0.0,
    sigma_col: Number = 0.0,
) -> Tensor:
    """The variance of each pixel of `gaussian_sensor`, white = 1; differentiable likewise.

    With it `torch.nn.functional.gaussian_nll_loss(image, noisy, variance, eps=1e-30)` is the likelihood
    of an exposure. (Its own eps of 1e-6 is more than many a sensor's variance, and turns gradients round.
    Row and column noise add to it as if each pixel had its own: exact for one pixel, and not for a
    picture, whose rows move together.)

    Args:
        image, K, sigma, black, white, ratio, sigma_row, sigma_col: as `gaussian_sensor`.

    Returns:
        (batch, channel, row, col), of the image's dtype, float32 for a half.

    Raises:
        TypeError: an image that is not floating.
        ValueError: another shape, a number that no sensor has.
    """
    light = _checked(image).to(_precision(image)).clamp(min=0.0)
    scale = _scale(image, black, white, ratio)
    deviations = {"sigma": sigma, "sigma_row": sigma_row, "sigma_col": sigma_col}
    read = sum((scale * _column(name, value, image)) ** 2 for name, value in deviations.items())
    return _column("K", K, image) * scale * light + read


def _root(variance: Tensor) -> Tensor:
    """The square root, with a gradient of 0 at 0.

    A `where` around the root alone would not do: its gradient there is infinite, and infinity times
    the 0 of the branch not taken is NaN. So the root is of 1 instead.
    """
    positive = variance > 0
    return torch.where(positive, torch.where(positive, variance, 1.0).sqrt(), 0.0)


def _scale(image: Tensor, black: Number, white: Number, ratio: Number) -> Tensor:
    """From DN to white = 1."""
    span = _column("white", white, image) - _column("black", black, image)
    if not (span > 0).all():
        raise ValueError(f"white - black is {span[~(span > 0)][0].item():g} DN, wanted above 0")
    return _column("ratio", ratio, image) / span


_POSITIVE = ("K", "ratio")


def _column(name: str, value: Number, image: Tensor) -> Tensor:
    """(batch or 1, 1, 1, 1) in the precision and on the device of the image."""
    column = torch.as_tensor(value, dtype=_precision(image), device=image.device)
    if column.ndim and column.shape != (len(image),):
        raise ValueError(f"{name} has shape {tuple(column.shape)}, wanted a number or ({len(image)},), one per image")
    right = (column > 0 if name in _POSITIVE else column >= 0) & column.isfinite()
    if not right.all():
        wanted = "above 0" if name in _POSITIVE else "0 or more"
        raise ValueError(f"{name} is {column[~right].flatten()[0].item():g}, wanted {wanted}")
    return column.reshape(-1, 1, 1, 1)


def _shapes(image: Tensor) -> tuple[tuple[int, ...], ...]:
    """Of `Normals`."""
    batch, channels, rows, columns = _checked(image).shape
    return (batch, channels, rows, columns), (batch, 1, rows, 1), (batch, 1, 1, columns)


def _precision(image: Tensor) -> torch.dtype:
    return torch.promote_types(image.dtype, torch.float32)


def _checked(image: Tensor) -> Tensor:
    if not isinstance(image, Tensor):
        raise TypeError(f"image is a {type(image).__name__}, wanted a torch tensor (batch, channel, row, col)")
    if not image.is_floating_point():
        raise TypeError(f"image is {image.dtype}, wanted a floating dtype")
    if image.ndim != 4:
        raise ValueError(f"image has shape {tuple(image.shape)}, wanted (batch, channel, row, col)")
    return image
