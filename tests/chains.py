"""Random cameras, batches and addresses: what kernels have to repeat."""

from dataclasses import dataclass
from typing import Any

import torch
from contract import stages
from hypothesis import strategies as st
from torch import Tensor

import camnoise as cn
from camnoise.stage import Stage

PLAIN = (cn.AdditiveUniform, cn.AdditiveGaussian, cn.Speckle, cn.Impulse, cn.Stripes, cn.ScaledPoisson)
READS = (cn.GaussianRead, cn.TukeyLambdaRead, cn.StudentTRead)


@st.composite
def sensors(draw: st.DrawFn) -> tuple[list[Stage], str | None]:
    """A physical chain and the filter tile of its images: any of the stages that may be left out is."""

    def maybe(kind: type[Stage], chance: float = 0.5) -> list[Stage]:
        return [draw(stages(kind))] if draw(st.floats(0, 1)) < chance else []

    cfa = draw(st.sampled_from([None, "RGGB", "GRBG", "GBRG", "BGGR"]))
    mosaic = [cn.Mosaic(pattern=cfa)] if cfa and draw(st.booleans()) else []
    ratio = draw(st.sampled_from([1.0, 30.0, cn.LogUniform(low=1, high=3000)]))
    chain: list[Stage] = [*maybe(cn.Linearize), *mosaic, cn.Expose(black=512, white=16383, ratio=ratio)]
    chain += maybe(cn.PRNU)
    if draw(st.booleans()):
        chain += [
            cn.DarkCurrent(current=3.0, seconds=2.0, spread=draw(st.sampled_from([0.0, 0.7]))),
            *maybe(cn.HotPixels),
        ]
    chain += [cn.Shot(), *maybe(cn.FullWell), *maybe(cn.PreampRead)]
    chain.append(cn.Gain(K=draw(st.sampled_from([0.05, 2.0, cn.LogUniform(low=0.02, high=30)]))))
    chain.append(draw(stages(draw(st.sampled_from(READS)))))
    chain += [*maybe(cn.DSNU), *maybe(cn.Banding), *maybe(cn.PeriodicBanding, 0.3)]
    chain += maybe(cn.ColorBias)
    if draw(st.booleans()):
        step = draw(st.sampled_from([1.0, 4.0, 0.3]))
        chain.append(cn.Quantize(bits=14, step=step, rounding=draw(st.sampled_from(["round", "uniform"]))))
    chain += [cn.Normalize()] if draw(st.booleans()) else []
    return chain, cfa


@st.composite
def plain_chains(draw: st.DrawFn) -> tuple[list[Stage], None]:
    """The literature's noises in any order."""
    kinds = draw(st.permutations(PLAIN))[: draw(st.integers(0, 4))]
    chain = [draw(stages(kind)) for kind in kinds]
    if draw(st.booleans()):
        level = [cn.Heteroscedastic, cn.LevelNoise][draw(st.booleans())]
        chain.insert(0, draw(stages(level)))
    chain += draw(st.sampled_from([[], [cn.Clip()], [cn.EightBits()]]))
    chain = chain or [cn.AdditiveGaussian(sigma=0.1)]
    return ([cn.Linearize(), *chain] if draw(st.booleans()) else chain), None


@dataclass(frozen=True)
class Case:
    """A camera, what it is given, and what is asked of it."""

    camera: cn.Pipeline
    images: Tensor
    options: dict[str, Any]

    def views(self) -> Tensor:
        """The views and, as the last of them, the clean image, as bit patterns."""
        made = self.camera.views(self.images, **self.options)
        return torch.cat([bits(made.views).flatten(), bits(made.clean).flatten()])


def bits(x: Tensor) -> Tensor:
    """What is compared: zeros of either sign are two things."""
    return x.view({torch.float32: torch.int32, torch.uint16: torch.int16}.get(x.dtype, x.dtype))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Images of odd sizes with values on and off the 8-bit levels, dark ones, black ones and -0."""
    chain, cfa = draw(st.one_of(sensors(), plain_chains()))
    mosaicked = any(isinstance(stage, cn.Mosaic) for stage in chain)
    camera = cn.Pipeline(chain, name="random", cfa=cfa)
    channels = (
        3
        if mosaicked
        else 1
        if cfa and any(isinstance(s, cn.ColorBias) for s in chain)
        else draw(st.sampled_from([1, 3]))
    )
    channels = 3 if cfa is None and any(isinstance(s, cn.ColorBias) for s in chain) else channels
    batch = draw(st.integers(1, 3))
    rows, cols = draw(
        st.sampled_from([(1, 1), (1, 2), (37, 53), (2, 1024), (1, 1025), (33, 31), (1023, 1), (5, 411), (64, 64)])
    )
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    x = torch.rand(batch, channels, rows, cols, generator=generator) ** draw(st.sampled_from([1, 4, 12]))
    if draw(st.booleans()):
        x = torch.floor(x * 255) / torch.tensor(255.0)
    x = torch.where(x < 0.05 * draw(st.integers(0, 1)), -0.0, x)
    x = draw(st.sampled_from([x, x.to(memory_format=torch.channels_last), x[:, :, :1].expand(-1, -1, rows, -1)]))
    whole = camera.wants_mean
    corners = [[draw(st.integers(0, 65_536 - side)) for side in (rows, cols)] for _ in range(batch)]
    options: dict[str, Any] = {
        "ids": [draw(st.integers(0, 2**64 - 1)) for _ in range(batch)],
        "scheme": draw(st.sampled_from(["n2c", "n2n", "n2n-free", "burst:3", "noisier:0.5"])),
        "seed": draw(st.integers(0, 2**64 - 1)),
        "epoch": draw(st.sampled_from([None, 0, 2**64 - 1])),
        "origin": None if whole else torch.tensor(corners),
        "body": draw(st.sampled_from([None, "another", "per-sample"])),
    }
    last = chain[-1]
    if options["scheme"] != "noisier:0.5":
        if isinstance(last, cn.Quantize) and last.fits_uint16:
            options["dtype"] = draw(st.sampled_from([torch.float32, torch.uint16]))
        if isinstance(last, cn.EightBits):
            options["dtype"] = draw(st.sampled_from([torch.float32, torch.uint8]))
    return Case(camera, x, options)
