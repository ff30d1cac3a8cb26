"""The sensor of the noise benchmarks and its chain, three times: as ours, as low-light papers write it, in eager torch.

The second follows the published code of ELD, PMN and starlight (`np.random.poisson(x / K) * K`,
`scipy.stats.tukeylambda.rvs`), the third is what one gets by writing torch for numpy. Both leave out those codes'
mistakes, so that all three give the same moments.
"""

from dataclasses import dataclass
from math import hypot, sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

import camnoise as cn
from camnoise.moments import tukey_lambda

TAILS = ("Gaussian", "Tukey lambda", "Student t")
SMALLEST = 2.0**-24  # of torch.rand, apart from the 0 that a negative power cannot take


@dataclass(frozen=True)
class Sensor:
    """A Sony A7S II at ISO 6400 as PMN measured it, with a color bias of our own; raw numbers, 14 bits.

    Attributes:
        ratio: how many times under-exposed.
        K: DN per electron.
        black, white: DN.
        lam, scale: of the Tukey lambda read noise; the raw scale, DN.
        sigma_row: DN.
        bias: of R, G1, G2, B, DN.
    """

    ratio: float
    K: float = 6.12
    black: float = 512.0
    white: float = 16383.0
    lam: float = -0.075
    scale: float = 3.45
    sigma_row: float = 0.72
    bias: tuple[float, float, float, float] = (0.5, -0.25, 0.75, -1.0)

    @classmethod
    def exposed(cls, light: float, electrons: float) -> "Sensor":
        """The one that gets so many electrons from a pixel of that light."""
        return cls(ratio=light * (cls.white - cls.black) / (cls.K * electrons))

    @property
    def electrons_at_white(self) -> float:
        return (self.white - self.black) / (self.K * self.ratio)

    @property
    def sigma_read(self) -> float:
        """DN."""
        return self.scale * tukey_lambda(self.lam).deviation

    @property
    def sigma_dark(self) -> float:
        """Of read noise, row noise and rounding together, white = 1."""
        return hypot(self.sigma_read, self.sigma_row, 1 / sqrt(12)) / (self.K * self.electrons_at_white)

    def camera(self, tail: str = "Tukey lambda", *, mosaic: bool = True) -> cn.Pipeline:
        """Ours, of mosaics; or of a monochrome sensor, without bias."""
        read = {
            "Gaussian": cn.GaussianRead(sigma=self.sigma_read),
            "Tukey lambda": cn.TukeyLambdaRead(scale=self.scale, lam=self.lam),
            "Student t": cn.StudentTRead(sigma=self.sigma_read, nu=7),  # a kurtosis like that of lam
        }[tail]
        bias = [cn.ColorBias(**dict(zip(("R", "G1", "G2", "B"), self.bias, strict=True)))] if mosaic else []
        return cn.Pipeline(
            [
                cn.Expose(black=self.black, white=self.white, ratio=self.ratio),
                cn.Shot(),
                cn.Gain(K=self.K),
                read,
                *bias,
                cn.Banding(sigma_row=self.sigma_row),
                cn.Quantize(bits=14),
                cn.Normalize(),
            ],
            cfa="RGGB" if mosaic else None,
        )

    def bias_map(self, rows: int, cols: int) -> NDArray[np.float32]:
        """The bias of every pixel of an RGGB mosaic."""
        return np.tile(np.float32(self.bias).reshape(2, 2), (rows // 2, cols // 2))


def numpy_chain(image: NDArray[np.float32], bias: NDArray[np.float32], sensor: Sensor) -> NDArray[np.float32]:
    """Noisy (row, col) of white = 1, with NumPy and SciPy."""
    dn = image * ((sensor.white - sensor.black) / sensor.ratio)
    dn = np.random.poisson(dn / sensor.K).astype(np.float32) * sensor.K  # noqa: NPY002
    dn += stats.tukeylambda.rvs(sensor.lam, scale=sensor.scale, size=dn.shape).astype(np.float32)
    dn += bias
    dn += np.random.normal(scale=sensor.sigma_row, size=(len(dn), 1)).astype(np.float32)  # noqa: NPY002
    raw = np.clip(np.round(dn + sensor.black), 0, 16383)
    return (raw - sensor.black) / (sensor.white - sensor.black) * sensor.ratio


def torch_chain(images: Tensor, bias: Tensor, sensor: Sensor) -> Tensor:
    """Noisy (batch, 1, row, col) of white = 1, with torch, on any device."""
    dn = images * ((sensor.white - sensor.black) / sensor.ratio)
    dn = torch.poisson(dn / sensor.K) * sensor.K
    u = torch.rand_like(dn).clamp(SMALLEST, 1 - SMALLEST)
    dn = dn + (u**sensor.lam - (1 - u) ** sensor.lam) * (sensor.scale / sensor.lam)
    dn = dn + bias
    dn = dn + torch.randn(len(dn), 1, dn.shape[2], 1, device=dn.device) * sensor.sigma_row
    raw = torch.round(dn + sensor.black).clamp(0, 16383)
    return (raw - sensor.black) / (sensor.white - sensor.black) * sensor.ratio
