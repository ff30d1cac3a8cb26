"""Several cameras, one of which takes each picture."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from textwrap import indent
from typing import Annotated, Any, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from .camera import Camera
from .draws import uniform
from .frame import Frame
from .keys import Key, Stream
from .pipeline import Pipeline
from .stage import Parameters
from .units import Unit
from .value import Value

CHOICE = "mixture"  # the column that says which pipeline an image got


class Mixture(Camera):
    """Chooses one of several pipelines for each image, by its address.

    The choice belongs to the scene, so all its views have it in common (but in n2n-free and nrl,
    whose views draw their own). The table of parameters has the columns of all pipelines, and NaN
    where an image's own pipeline has no such parameter; `mixture` is the number of the pipeline.

    Attributes:
        pipelines: of one unit in and out.
        weights: how often each is chosen, relative to their sum; equal where left out.
        name: as of a pipeline.

    Raises:
        ValueError: no pipelines, another number of weights, units that differ.
    """

    pipelines: Annotated[tuple[Pipeline, ...], Field(min_length=1, max_length=256)]
    weights: tuple[Annotated[float, Field(ge=0, le=1e6)], ...]
    name: str = "mixture"

    def __init__(
        self,
        pipelines: Sequence[Pipeline] = (),
        weights: Sequence[float] | None = None,
        *,
        name: str = "mixture",
        **unknown: Any,
    ) -> None:
        if isinstance(pipelines, Camera):
            raise TypeError(f"pipelines is a single {type(pipelines).__name__}, wanted a list of pipelines")
        if weights is None:
            weights = [1.0] * len(pipelines)
        Value.__init__(self, pipelines=pipelines, weights=weights, name=name, **unknown)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.weights) != len(self.pipelines):
            raise ValueError(f"Mixture got {len(self.weights)} weights for {len(self.pipelines)} pipelines")
        if sum(self.weights) <= 0:
            raise ValueError("Mixture got weights whose sum is 0, wanted one above")
        first = self.pipelines[0]
        for number, one in enumerate(self.pipelines):
            if (one.takes, one.gives) != (first.takes, first.gives):
                raise ValueError(
                    f"pipeline {number + 1} of the Mixture takes {one.takes} and gives {one.gives}, "
                    f"wanted {first.takes} and {first.gives} as the first does"
                )
        return self

    @property
    def takes(self) -> Unit:
        return self.pipelines[0].takes

    @property
    def gives(self) -> Unit:
        return self.pipelines[0].gives

    @property
    def radius(self) -> int:
        return max(one.radius for one in self.pipelines)

    @property
    def clipped(self) -> bool:
        return any(one.clipped for one in self.pipelines)

    @property
    def varies(self) -> bool:
        return sum(weight > 0 for weight in self.weights) > 1 or any(one.varies for one in self.pipelines)

    @property
    def wants_mean(self) -> bool:
        return any(one.wants_mean for one in self.pipelines)

    def check_channels(self, channels: int) -> None:
        for one in self.pipelines:
            one.check_channels(channels)

    def tabulate(self, key: Key, frame: Frame | None = None, mean: Tensor | None = None) -> Parameters:
        """Chooses, and draws each image's parameters from its own pipeline."""
        choice = self._choose(key)
        table: dict[str, Tensor] = {}
        for number, pipeline in enumerate(self.pipelines):
            index = (choice == number).nonzero().flatten()
            part = None if frame is None else frame.take(index)
            means = mean[index] if mean is not None and pipeline.wants_mean else None
            for name, column in pipeline.tabulate(key.take(index), part, means).items():
                if name not in table:
                    table[name] = torch.full(choice.shape, float("nan"), dtype=torch.float32, device="cpu")
                table[name][index] = column
        return Parameters({CHOICE: choice, **table}, len(choice))

    def expose(
        self, frame: Frame, keys: Sequence[Key], tables: Sequence[Parameters], dtype: torch.dtype = torch.float32
    ) -> Tensor:
        if any(drawn is not tables[0] for drawn in tables):  # each view has pipelines of its own
            return torch.cat(
                [self.expose(frame, [key], [drawn], dtype) for key, drawn in zip(keys, tables, strict=True)]
            )
        parts = []
        for pipeline, index in self._groups(tables[0][CHOICE]):
            own = [_own(tables[0], index)] * len(keys)
            part = _framed(pipeline, frame.take(index))
            parts.append((index, pipeline.expose(part, [key.take(index) for key in keys], own, dtype)))
        return self._gathered(parts, frame)

    def without_noise(self, frame: Frame, key: Key, drawn: Parameters) -> Tensor:
        parts = [
            (
                index,
                pipeline.without_noise(_framed(pipeline, frame.take(index)), key.take(index), _own(drawn, index))[None],
            )
            for pipeline, index in self._groups(drawn[CHOICE])
        ]
        return self._gathered(parts, frame)[0]

    def explain(self, device: torch.device | str = "cpu") -> str:
        """As `Pipeline.explain`, for each of its pipelines."""
        told = zip(self.pipelines, self.weights, strict=True)
        return "\n".join(
            f"pipeline {number}, weight {weight:g}:\n{indent(one.explain(device), '  ')}"
            for number, (one, weight) in enumerate(told, 1)
        )

    def _choose(self, key: Key) -> Tensor:
        """The number of each image's pipeline, (batch,) float32."""
        total, upto, edges = sum(self.weights), 0.0, []
        for weight in self.weights[:-1]:
            upto += weight
            edges.append(upto / total)
        place = uniform(key.image_words(Stream.MIXTURE)[0].flatten())
        passed = place[:, None] >= torch.tensor(edges, dtype=torch.float32, device="cpu")[None]
        return passed.sum(1).float()

    def _groups(self, choice: Tensor) -> Iterator[tuple[Pipeline, Tensor]]:
        """Each pipeline that was chosen, and the places of its images; the first one for no image at all."""
        for number, pipeline in enumerate(self.pipelines):
            index = (choice == number).nonzero().flatten()
            if len(index) or (number == 0 and not len(choice)):
                yield pipeline, index

    def _gathered(self, parts: Sequence[tuple[Tensor, Tensor]], frame: Frame) -> Tensor:
        """Each pipeline's images, (view, image, channel, row, col), at their places of the batch."""
        shapes = {tuple(images.shape[2:]) for _, images in parts}
        if len(shapes) > 1:
            raise ValueError(f"pipelines of {self.name} give images of {shapes}, wanted one shape (channel, row, col)")
        _, first = parts[0]
        # torch cannot index uint16; their bits pass as int16.
        bits = torch.int16 if first.dtype == torch.uint16 else first.dtype
        result = torch.empty((len(first), len(frame.data), *first.shape[2:]), dtype=bits, device=first.device)
        for index, images in parts:
            result[:, index.to(result.device)] = images.view(bits)
        return result.view(first.dtype)

    @torch.no_grad()
    def frame_mean(self, images: Tensor) -> Tensor:
        """As `Pipeline.frame_mean`, for pipelines that want the mean at one place of their chains.

        Raises:
            ValueError: no pipeline wants it, or two want it at different places.
        """
        wanting = [one for one in self.pipelines if one.wants_mean]
        if not wanting:
            raise ValueError(f"{self.name} has no pipeline that needs the mean of a frame")
        means = [one.frame_mean(images) for one in wanting]
        if any(not torch.equal(mean, means[0]) for mean in means):
            raise ValueError(f"pipelines of {self.name} want the mean of a frame at different places of their chains")
        return means[0]


def _framed(pipeline: Pipeline, frame: Frame) -> Frame:
    """The images under the filters of the pipeline that takes them."""
    return replace(frame, cfa=pipeline.framed(frame.data, frame.origin).cfa)


def _own(drawn: Parameters, index: Tensor) -> Parameters:
    """The rows of some images of one pipeline, without the columns of the others."""
    part = drawn.take(index)
    return Parameters({name: column for name, column in part.items() if not torch.isnan(column).any()}, part.batch)
