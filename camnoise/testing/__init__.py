"""Proves a camera, or a stage of your own: one call measures it against what its stages state.

    assert_noise(Pipeline([Gain(K=2.0), MyReadNoise(sigma=3.0)]))

Every bound is derived from the number of pixels, rows, columns and images, with a chance of a false
alarm of 1e-9 per finding (`camnoise.testing.bounds` has them as functions). Nothing here needs pytest.
"""

from collections.abc import Sequence

import torch

from ..camera import Camera
from ..keys import Key
from ..mixture import Mixture
from ..pipeline import Pipeline
from .bounds import ALPHA
from .flat_fields import LEVELS, channels_of, measure_flat_fields
from .parameters import measure_choices, measure_parameters
from .promises import check_promises
from .report import Finding, Report
from .shapes import measure_shape

__all__ = ["ALPHA", "Finding", "Report", "assert_noise", "check_promises", "measure_noise"]

_ORIGINS = ((0, 0), (7, 2), (33, 20))


def assert_noise(
    camera: Camera,
    *,
    levels: Sequence[float] | None = None,
    images: int = 8,
    side: int = 256,
    channels: int | None = None,
    seed: int = 0,
    devices: Sequence[str] | None = None,
    alpha: float = ALPHA,
) -> Report:
    """Holds a camera to what its stages state; see `measure_noise`.

    Raises:
        AssertionError: a sentence for everything that is wrong.
        ValueError: as `measure_noise`.
    """
    report = measure_noise(
        camera, levels=levels, images=images, side=side, channels=channels, seed=seed, devices=devices, alpha=alpha
    )
    if report.failures:
        raise AssertionError("\n".join([f"{camera.name} is not what it states:", *report.failures]))
    return report


def measure_noise(
    camera: Camera,
    *,
    levels: Sequence[float] | None = None,
    images: int = 8,
    side: int = 256,
    channels: int | None = None,
    seed: int = 0,
    devices: Sequence[str] | None = None,
    alpha: float = ALPHA,
) -> Report:
    """Measures a camera against the laws that its stages state.

    - Every stage's promises: its input unchanged, the same noise at the same address, whatever the batch, the
      place in it, or the crop; the dice it states and no others; a clean view without noise.
    - Every stage that states the law of its noise: distribution, both tails, how deep they reach.
    - Every parameter's law, per image, and their independence; a mixture's choices.
    - Flat fields: mean, photon transfer, variance of pixels, rows and columns apart from each other, what
      two views share, correlations of neighbors and lines.
    - The whole camera: independence of batch, crop and device, bit for bit.

    Args:
        camera: a `Pipeline`, or a `Mixture`, whose pipelines are measured one by one.
        levels: of light, in the unit that the camera takes. Those where something clips are left out.
        images, side: how many flat images of how many rows and columns; more find smaller faults.
        channels: of the images; None is two planes, or what the camera's filters want.
        seed: of the noise.
        devices: to compare with the CPU; all there are, by default.
        alpha: chance that a right camera fails one finding.

    Raises:
        ValueError: a stage states no moments (`Stage.expect`), or no level can be measured.
        TypeError: no camera.
    """
    if not isinstance(camera, Camera):
        raise TypeError(f"measure_noise got a {type(camera).__name__}, wanted a Pipeline or a Mixture")
    if not (isinstance(side, int) and isinstance(images, int)) or side < 32 or side % 2 or images < 2:
        raise ValueError(f"side is {side} and images {images}, wanted an even side of 32 or more and 2 images or more")
    if levels is not None and (not isinstance(levels, Sequence) or isinstance(levels, str)):
        raise TypeError(f"levels is {levels!r}, wanted a sequence of numbers ({camera.takes})")
    if isinstance(camera, Mixture):
        report = Report(tuple(measure_choices(camera, seed=seed, alpha=alpha)))
        for pipeline, weight in zip(camera.pipelines, camera.weights, strict=True):
            if weight > 0:
                report += measure_noise(
                    pipeline,
                    levels=levels,
                    images=images,
                    side=side,
                    channels=channels,
                    seed=seed,
                    devices=devices,
                    alpha=alpha,
                )
        return report
    assert isinstance(camera, Pipeline)
    broken = _broken_promises(camera, seed, _devices(devices), channels)
    if broken:  # of noise that is no function of its address nothing can be measured
        return Report(broken=tuple(broken))
    report, drawn = measure_parameters(camera, seed=seed, alpha=alpha), camera.draw([0], seed=seed)
    for stage in camera.stages:
        shape = [] if stage.wants_mean else measure_shape(stage, drawn, seed=seed, alpha=alpha)
        unknown = () if shape or not stage.dice else (f"shape of {type(stage).__name__}: it states no law (`noise`)",)
        report += Report(tuple(shape), (), unknown)
    return report + measure_flat_fields(
        camera, levels=levels, images=images, side=side, channels=channels, seed=seed, alpha=alpha
    )


def _broken_promises(pipeline: Pipeline, seed: int, devices: Sequence[str], channels: int | None) -> list[str]:
    x = _pictures(pipeline, channels_of(pipeline) if channels is None else channels)
    origin = torch.tensor(_ORIGINS)
    ids = torch.tensor([11, -8, 5])
    frame = pipeline.framed(x, origin)
    key = Key(seed, ids, ids + 1, view=1)
    means = pipeline.frame_mean(x) if pipeline.wants_mean else None
    drawn = pipeline.tabulate(key.at(0), frame, means)
    broken = []
    for stage in pipeline.stages:
        try:
            check_promises(stage, frame, key, drawn, idle_dice=False)
        except AssertionError as error:
            broken.append(str(error))
        frame = stage.apply(frame, key.at(1), drawn)
    if broken:
        return broken
    whole = pipeline(x, ids, seed=seed, origin=origin, frame_mean=means)
    for image in range(len(x)):
        one = slice(image, image + 1)
        alone = pipeline(
            x[one], ids[one], seed=seed, origin=origin[one], frame_mean=None if means is None else means[one]
        )
        if not torch.equal(alone, whole[one]):
            broken.append(f"{pipeline.name}: an image alone has other noise than in a batch")
    r, crop = pipeline.radius, (slice(None), slice(None), slice(4, None), slice(2, -2))
    part = pipeline(x[crop], ids, seed=seed, origin=origin + torch.tensor([4, 2]), frame_mean=means)
    rows, cols = part.shape[2:]
    inner = (slice(None), slice(None), slice(r, rows - r), slice(r, cols - r))
    if not torch.equal(part[inner], whole[crop][inner]):
        broken.append(f"{pipeline.name}: crop then noise is not noise then crop")
    for device in devices:
        there = pipeline(x.to(device), ids, seed=seed, origin=origin, frame_mean=means)
        if not torch.equal(there.cpu(), whole):
            broken.append(f"{pipeline.name}: other bits on {device} than on the CPU")
    return broken


def _pictures(pipeline: Pipeline, channels: int) -> torch.Tensor:
    """Three images with the range of what the camera takes."""
    rows, cols = 24, 20
    ramp = torch.linspace(0, 1, 3 * channels * rows * cols, dtype=torch.float32).reshape(3, channels, rows, cols)
    low, high = LEVELS[pipeline.takes][0], LEVELS[pipeline.takes][-1]
    return low + ramp * (high - low)


def _devices(devices: Sequence[str] | None) -> list[str]:
    """Those to be compared with the CPU. Raises ValueError for one that is not there."""
    has_cuda = torch.cuda.is_available()
    if devices is None:
        return ["cuda"] if has_cuda else []
    asked = [devices] if isinstance(devices, str) else [*devices]
    for device in asked:
        if device.startswith("cuda") and not has_cuda:
            raise ValueError(f"device is {device!r}, and this machine has no CUDA device")
    return [device for device in asked if device != "cpu"]
