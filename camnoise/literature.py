"""The noises that papers name, by short names: `noise("gaussian:25")`, `noise("nlf:rcl")`, `noise("thesis")`.

Levels are in the units of the literature, which for standard deviations are those of 8-bit
images; stages take white = 1, and this file is where the two meet.
"""

import re
from collections.abc import Callable, Sequence
from itertools import product

from .camera import Camera
from .distributions import Uniform
from .mixture import Mixture
from .nlf import Heteroscedastic, brooks, rcl, rcl_level
from .pipeline import Pipeline
from .plain import AdditiveGaussian, AdditiveUniform, Clip, EightBits, Impulse, ScaledPoisson, Speckle, Stripes
from .stage import Stage

_LEVEL_FUNCTIONS: dict[str, Callable[[], Stage]] = {"rcl": rcl, "rcl_level": rcl_level, "brooks": brooks}

Level = float | Uniform


def _eighth(level: Level) -> Level:
    """From 8-bit units to white = 1.

    Raises:
        ValueError: all of it below one gray level, which can only be meant in other units.
    """
    high = level.high if isinstance(level, Uniform) else level
    if 0 < high < 1:
        raise ValueError(f"level {high:g} is {high:g}/255, below one gray level; in 8-bit units it is {high * 255:g}")
    return Uniform(low=level.low / 255, high=level.high / 255) if isinstance(level, Uniform) else level / 255


# Name -> what its numbers mean, and the stage they make.
_PLAIN: dict[str, tuple[str, Callable[[Level], Stage]]] = {
    "gaussian": ("standard deviation, 8-bit units", lambda level: AdditiveGaussian(sigma=_eighth(level))),
    "uniform": ("standard deviation, 8-bit units", lambda level: AdditiveUniform(sigma=_eighth(level))),
    "stripes": (
        "standard deviation of rows and of columns, 8-bit units",
        lambda level: Stripes(sigma_row=_eighth(level), sigma_col=_eighth(level)),
    ),
    "poisson": ("mean events at white", lambda level: ScaledPoisson(peak=level)),
    "speckle": ("variance of the factor", lambda level: Speckle(variance=level)),
    "impulse": ("fraction of values set to black", lambda level: Impulse(fraction=level)),
    "saltpepper": ("fraction of values set to black or white", lambda level: Impulse(fraction=level, salt=0.5)),
}
_ENDS: dict[str, Stage] = {"clip": Clip(), "8bit": EightBits()}
NAMES = (*(f"{name}:LEVEL" for name in _PLAIN), "nlf:rcl", "nlf:rcl_level", "nlf:brooks", "nlf:SHOT,READ", "thesis")


def noise(text: str, *, cfa: str | None = None) -> Camera:
    """The noise of that name, as a camera that takes images with white = 1.

    A level is a number, or LO-HI for one drawn uniformly per image. Noises follow one another at a
    plus sign: "poisson:30+gaussian:60+impulse:0.2". "+clip" cuts off what lies outside [0, 1];
    "+8bit" rounds to 1/255 besides. Otherwise nothing is clipped or rounded.

    Args:
        text: gaussian, uniform, stripes (standard deviations in 8-bit units), poisson (events at
            white), speckle (variance), impulse, saltpepper (fraction), nlf:rcl, nlf:rcl_level, nlf:brooks,
            nlf:LAMBDA_SHOT,LAMBDA_READ (variances, white = 1), or thesis.
        cfa: filter tile at the frame's (0, 0) of the mosaics that it will see, None for planes.

    Raises:
        ValueError: a name that does not exist, or a level that is none.
    """
    if not isinstance(text, str):
        raise TypeError(f"noise is {text!r}, wanted a name such as 'gaussian:25'")
    first, *rest = (part.strip() for part in re.split(r"(?<![0-9]e)\+", text))
    if first == "thesis":
        stages = [_ENDS[part] if part in _ENDS else _stage(part, text) for part in rest]
        return thesis(after=stages, name=text, cfa=cfa)
    stages = [_ENDS[part] if part in _ENDS else _stage(part, text) for part in (first, *rest)]
    return Pipeline(stages, name=text, cfa=cfa)


def thesis(
    probability: float = 0.5, *, after: Sequence[Stage] = (), name: str = "thesis", cfa: str | None = None
) -> Mixture:
    """Gaussian, row and column noise, each switched on or off by itself, at a level of its own.

    Levels are uniform per image: 25 to 80 for the Gaussian, 15 to 40 for rows and for columns,
    8-bit units. ("Noisy Visual Training" states these and not the probability.)

    Args:
        probability: with which each of the three is on; one picture in eight has none of them at 1/2.
        after: stages that follow all of them.
        name: of the mixture.
        cfa: as of `noise`.
    """

    if not 0 <= probability <= 1:
        raise ValueError(f"probability is {probability}, wanted 0 to 1")

    def level(on: bool, low: float, high: float) -> Level:
        return Uniform(low=low / 255, high=high / 255) if on else 0.0

    pipelines, weights = [], []
    for gaussian, row, column in product((False, True), repeat=3):
        on = [what for what, is_on in (("gaussian", gaussian), ("row", row), ("column", column)) if is_on]
        stages = [
            AdditiveGaussian(sigma=level(gaussian, 25, 80)),
            Stripes(sigma_row=level(row, 15, 40), sigma_col=level(column, 15, 40)),
            *after,
        ]
        pipelines.append(Pipeline(stages, name="+".join(on) or "none", cfa=cfa))
        weights.append(probability ** len(on) * (1 - probability) ** (3 - len(on)))
    return Mixture(pipelines, weights, name=name)


def _stage(part: str, text: str) -> Stage:
    name, colon, level = part.partition(":")
    if name == "nlf" and level in _LEVEL_FUNCTIONS:
        return _LEVEL_FUNCTIONS[level]()
    numbers = level.split(",")
    if name == "nlf" and len(numbers) == 2:
        shot, read = (_number(number, part) for number in numbers)
        return Heteroscedastic(lambda_shot=shot, lambda_read=read)
    if name in _PLAIN and colon:
        number = _level(level, part)
        try:
            return _PLAIN[name][1](number)
        except ValueError as error:  # in the units of the stage, so what was typed is said first
            raise ValueError(f"noise {part!r}: {error}") from None
    where = "" if part == text else f" in {text!r}"
    if name in _PLAIN:
        raise ValueError(f"noise {part!r}{where} has no level, wanted its {_PLAIN[name][0]} after a colon")
    raise ValueError(f"noise is {part!r}{where}, wanted one of {', '.join(NAMES)}, then perhaps +clip or +8bit")


def _level(text: str, part: str) -> Level:
    numbers = re.split(r"(?<=[0-9.])-", text)  # a dash between numbers; that of 1e-3 and of -5 is none
    if len(numbers) == 2:
        return Uniform(low=_number(numbers[0], part), high=_number(numbers[1], part))
    return _number(text, part)


def _number(text: str, part: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"noise {part!r} has level {text!r}, wanted a number or LO-HI") from None
