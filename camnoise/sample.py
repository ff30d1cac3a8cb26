"""What a shard says about one sample: its `json` member, and how raw views become normalised ones."""

import json
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

HexId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Count = Annotated[int, Field(ge=0, le=2**64 - 1)]


class Sample(BaseModel):
    """The address and the settings of one sample's views: with the input, all it takes to make them again.

    Attributes:
        id: of the noise, 16 lower-case hex digits; a crop has its frame's.
        name: the source's own name, from which `id` is hashed.
        body: the camera whose fixed pattern the views carry.
        parameters: what was drawn, one table per view. Every number is a float32, in its shortest spelling.
        seed, epoch: of the noise; epoch None is frozen noise.
        views: the scheme.
        noise_version: of the scheme of randomness.
        domain: what the pixels are: "raw" one mosaic plane, "rgb" three linear planes.
        cfa: the mosaic's pattern at the frame's (0, 0), None without a mosaic.
        origin: row and column of the crop in its frame.
        size: rows and columns.
        bits: of the converter, None without one.
        black, white: levels, DN. None where the camera has none.
        ratio: of the exposure; normalised views are multiplied by it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    id: HexId
    name: str
    body: str
    parameters: tuple[dict[str, float], ...]
    seed: Count
    epoch: Count | None
    views: Literal["n2c", "n2n"]
    noise_version: int
    domain: Literal["raw", "rgb", "srgb"]
    cfa: str | None
    origin: tuple[int, int]
    size: tuple[int, int]
    bits: int | None
    black: float | None
    white: float | None
    ratio: float | None

    @model_validator(mode="after")
    def _one_table_per_view(self) -> Self:
        wanted = {"n2c": 1, "n2n": 2}[self.views]
        if len(self.parameters) != wanted:
            raise ValueError(f"{len(self.parameters)} tables of parameters for {self.views}, wanted {wanted}")
        return self

    def dump(self) -> bytes:
        """Canonical JSON: sorted keys, no spaces, ASCII."""
        return canonical(self.model_dump(mode="json"))

    def normalize(self, raw: Tensor) -> Tensor:
        """Raw DN to normalised values, the very numbers the camera's `Normalize` gives.

        Args:
            raw: (view, channel, row, col) as stored in `views.npy`, uint16.

        Returns:
            float32 of the same shape: (raw - black) / (white - black) * ratio, in that order.

        Raises:
            ValueError: the sample has no levels, or another number of views.
        """
        if self.black is None or self.white is None:
            raise ValueError(f"sample {self.id} has no black and white level: its views are not raw DN")
        if len(raw) != len(self.parameters):
            raise ValueError(f"sample {self.id} has {len(self.parameters)} views, got {len(raw)}")
        black, white, ratio = (self._per_view(name, raw) for name in ("black", "white", "ratio"))
        return (raw.to(torch.float32) - black) / (white - black) * ratio

    def _per_view(self, name: str, raw: Tensor) -> Tensor:
        values = [table[name] for table in self.parameters]
        return torch.tensor(values, dtype=torch.float32, device=raw.device).reshape(-1, 1, 1, 1)


def canonical(value: Any) -> bytes:
    """JSON with one spelling: sorted keys, no spaces, ASCII; NaN and infinity are errors."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
