"""What a shard says about one sample: its `json` member, and how stored views become normalised ones."""

import json
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

from .mosaic import Pattern
from .views import scheme_named

HexId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Count = Annotated[int, Field(ge=0, le=2**64 - 1)]
Row = tuple[float, float, float]
SchemeName = Annotated[str, AfterValidator(lambda text: str(scheme_named(text)))]  # in its one spelling


class RawInput(BaseModel):
    """What makes light of the numbers that a RAW file holds; the numbers themselves are `scene.npy`.

    Light is (DN - black) / (white - black) of each filter, no less than 0. It has the noise of the file's own exposure.

    Attributes:
        cfa: the filter tile at the visible area's (0, 0); None for a monochrome sensor.
        black: DN, per filter in the order R, G1, G2, B; one number for a monochrome sensor.
        white: DN, where the file saturates.
        white_balance: of the shot as it was taken: gains of red, green and blue, green's is 1. For whoever
            develops the views; None where the file has none.
        color_matrix: linear sRGB to the camera's red, green, blue, rows that sum to 1; likewise.
        iso: at which the file was shot, and so how noisy the scene itself is; likewise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    cfa: Pattern | None
    black: tuple[float, ...]
    white: float
    white_balance: tuple[float, float, float] | None = None
    color_matrix: tuple[Row, Row, Row] | None = None
    iso: float | None = None

    @model_validator(mode="after")
    def _levels(self) -> Self:
        wanted = 1 if self.cfa is None else 4
        if len(self.black) != wanted:
            raise ValueError(f"{len(self.black)} black levels for filter tile {self.cfa}, wanted {wanted}")
        if not all(0 <= level < self.white for level in self.black):
            raise ValueError(f"black levels are {self.black}, wanted 0 to below white, {self.white:g}")
        return self


class Sample(BaseModel):
    """The address and the settings of one sample's views: with the input, all it takes to make them again.

    Attributes:
        id: of the noise, 16 lower-case hex digits; a crop has its frame's.
        name: the source's own name, from which `id` is hashed.
        body: whose fixed pattern the views carry, as the argument of a camera's `views`; None where each view has
            that of its own camera (nrl), and where no camera was simulated (real).
        parameters: what was drawn, one table per view; empty tables for real views. Every number is a float32, in
            its shortest spelling.
        seed, epoch: of the noise; epoch None is frozen noise.
        views: the scheme, such as "n2n" or "burst:4:8".
        noise_version: of the scheme of randomness.
        domain: what the pixels are: "raw" one mosaic plane, "rgb" three linear planes, "srgb" encoded ones.
        cfa: the mosaic's pattern at the frame's (0, 0), None without a mosaic.
        input: of a RAW file, how its numbers become light; None for a photograph.
        origin: row and column of the crop in its frame.
        size: rows and columns.
        bits, black, white, ratio: of view 1: the converter's bits, the levels in DN, how many times under-exposed.
            None where the camera has none.
        levels: white of integer views whose black is 0, 255 or 65,535; None for raw DN and for float32.
        clipped: whether values were cut off at black or white (`Clip`, `EightBits`, an image file).
        shifts: of a burst, how many pixels the scene of each view has moved down and to the right; None in all
            other schemes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    id: HexId
    name: str
    body: str | None
    parameters: tuple[dict[str, float], ...]
    seed: Count
    epoch: Count | None
    views: SchemeName
    noise_version: int
    domain: Literal["raw", "rgb", "srgb"]
    cfa: str | None
    input: RawInput | None = None
    origin: tuple[int, int]
    size: tuple[int, int]
    bits: int | None
    black: float | None
    white: float | None
    ratio: float | None
    levels: Literal[255, 65535] | None
    clipped: bool
    shifts: tuple[tuple[int, int], ...] | None

    @model_validator(mode="after")
    def _one_table_per_view(self) -> Self:
        plan, views = scheme_named(self.views), len(self.parameters)
        if views == 0 or (views != len(plan.views) and not plan.real):
            wanted = "at least 1" if plan.real else len(plan.views)
            raise ValueError(f"{views} tables of parameters for {plan}, wanted {wanted}")
        shifts = None if self.shifts is None else len(self.shifts)
        if shifts != (views if plan.reach else None):
            raise ValueError(f"{shifts or 'no'} shifts for {plan}, wanted {views if plan.reach else 'none'}")
        return self

    def dump(self) -> bytes:
        """Canonical JSON: sorted keys, no spaces, ASCII."""
        return canonical(self.model_dump(mode="json"))

    def normalize(self, stored: Tensor) -> Tensor:
        """Views as `views.npy` has them to normalised ones, white = 1: the very numbers of the camera.

        Args:
            stored: (view, channel, row, col): uint16 raw DN, integer levels, or float32, which is normalised.

        Returns:
            float32 of the same shape: (raw - black) / (white - black) * ratio, in that order, or value / levels.

        Raises:
            ValueError: raw DN of a sample without levels, another number of views, or another dtype.
        """
        if len(stored) != len(self.parameters):
            raise ValueError(f"sample {self.id} has {len(self.parameters)} views, got {len(stored)}")
        if stored.dtype == torch.float32:
            return stored
        wanted = torch.uint8 if self.levels == 255 else torch.uint16
        if stored.dtype != wanted:
            raise ValueError(f"sample {self.id} got views of {stored.dtype}, wanted {wanted} or torch.float32")
        if self.levels is not None:
            return stored.to(torch.float32) / torch.tensor(float(self.levels), device=stored.device)
        if self.black is None or self.white is None:
            raise ValueError(f"sample {self.id} has no black and white level: its views are not raw DN")
        black, white, ratio = (self._per_view(name, stored) for name in ("black", "white", "ratio"))
        return (stored.to(torch.float32) - black) / (white - black) * ratio

    def _per_view(self, name: str, stored: Tensor) -> Tensor:
        values = [table[name] for table in self.parameters]
        return torch.tensor(values, dtype=torch.float32, device=stored.device).reshape(-1, 1, 1, 1)


def canonical(value: Any) -> bytes:
    """JSON with one spelling: sorted keys, no spaces, ASCII; NaN and infinity are errors."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
