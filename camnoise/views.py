"""How many exposures of a scene a method wants, and what they share."""

from dataclasses import dataclass

from torch import Tensor

from .stage import Parameters


@dataclass(frozen=True)
class Scheme:
    """Which exposures make up a sample.

    Attributes:
        name: as commands and shards write it.
        views: the numbers of the exposures. All share scene, parameters and body; shot, read
            and row noise are new in each.
    """

    name: str
    views: tuple[int, ...]


N2C = Scheme("n2c", (1,))  # clean and one exposure: supervised learning
N2N = Scheme("n2n", (1, 2))  # two exposures, the first of them n2c's: Noise2Noise
SCHEMES = (N2C, N2N)


def scheme_named(name: str) -> Scheme:
    """The scheme of that name.

    Raises:
        ValueError: naming those that exist.
    """
    for scheme in SCHEMES:
        if scheme.name == name:
            return scheme
    raise ValueError(f"view scheme is {name!r}, wanted one of {', '.join(s.name for s in SCHEMES)}")


@dataclass(frozen=True, eq=False)
class Views:
    """Exposures of a batch of scenes.

    Attributes:
        clean: (batch, channel, row, col) float32, without noise, in the unit of the views.
        views: (view, batch, channel, row, col) float32, or uint16 raw DN.
        parameters: what was drawn, one table per view.
        ids: (batch,) int64 bit patterns; with seed, epoch, origin and body they make it again.
    """

    clean: Tensor
    views: Tensor
    parameters: tuple[Parameters, ...]
    ids: Tensor

    def __repr__(self) -> str:
        names = ", ".join(self.parameters[0])
        return f"Views(clean {tuple(self.clean.shape)}, views {tuple(self.views.shape)}, parameters {names})"
