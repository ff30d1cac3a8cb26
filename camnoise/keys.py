"""Randomness is an address: every draw is a pure function of where it is asked for.

A word of chance is Philox4x32-10 of a key (the seed) and a counter that spells out sample, view,
stream, channel, row and column. Batch, worker, device, call order and crop are absent from it,
so they cannot matter.

References:
    | Parallel Random Numbers: As Easy as 1, 2, 3 (Salmon, Moraes, Dror & Shaw, SC 2011)
    | https://doi.org/10.1145/2063384.2063405
"""

import hashlib
import operator
import secrets
import unicodedata
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import NamedTuple

import torch
from torch import Tensor

from .frame import Frame

NOISE_VERSION = 1  # of the whole scheme: any change of any draw raises it; stored in every shard

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
_MASK = 0xFFFFFFFF
_CHANNELS, _VIEWS = 2**8, 2**12  # that fit their fields; rows and columns are checked with the origin


class Stream(IntEnum):
    """All the dice of the library. Never renumber: shards on disk depend on it."""

    PARAMETERS = 1
    PIXEL = 2
    ROW = 3
    COLUMN = 4
    PREAMP = 5
    PERIODIC = 6
    GAUSSIAN = 7
    SPECKLE = 8
    IMPULSE = 9
    UNIFORM = 10
    DARKFRAME = 11
    SHIFT = 12
    MIXTURE = 13
    # Fixed patterns: addressed by body, not by seed, sample or view.
    PRNU = 32
    DSNU = 33
    HOT = 34
    COLUMN_FIXED = 35


FIXED = 32  # the bit of a stream's number that says: a fixed pattern
OWN, OWN_FIXED = range(64, 96), range(96, 128)  # for stages outside the library: temporal streams, fixed patterns


def stream_name(stream: int) -> str:
    """As errors write it."""
    return Stream(stream).name if stream in Stream._value2member_map_ else str(int(stream))


class Lane(IntEnum):
    """Who reads which of the four words of a PIXEL call."""

    SHOT = 0
    READ = 1
    ANGLE = 2  # the second word of Student t
    ROUND = 3


Ids = Sequence[int | str] | Tensor
Word = Tensor | int


def philox(counter: Sequence[Word], key: Sequence[Word]) -> tuple[Word, ...]:
    """Philox4x32-10: four 32-bit words from a counter of four and a key of two.

    Args:
        counter: c0..c3 in [0, 2^32): int64 tensors that broadcast together, or ints.
        key: k0, k1, likewise.

    Returns:
        Four words in [0, 2^32), of the broadcast shape; ints where all arguments are.
    """
    (c0, c1, c2, c3), (k0, k1) = counter, key
    for _ in range(ROUNDS):
        # The product may pass 2^63; int64 wraps it modulo 2^64, which leaves both halves' bits right.
        first, second = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]
        c0, c1, c2, c3 = (
            ((second >> 32) & _MASK) ^ c1 ^ k0,
            second & _MASK,
            ((first >> 32) & _MASK) ^ c3 ^ k1,
            first & _MASK,
        )
        k0, k1 = (k0 + WEYL[0]) & _MASK, (k1 + WEYL[1]) & _MASK
    return c0, c1, c2, c3


def sample_id(name: str) -> int:
    """The id of a named sample: blake2b (8 bytes, big-endian) of its NFC-normalised UTF-8.

    Raises:
        ValueError: a name with half a surrogate pair, which UTF-8 cannot spell.
    """
    try:
        text = unicodedata.normalize("NFC", name).encode()
    except UnicodeEncodeError:
        raise ValueError(f"name {name!r} cannot be written as UTF-8") from None
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def hex_id(number: int) -> str:
    """An id as JSON stores it: 16 lower-case hex digits. Takes the signed bit pattern too."""
    return f"{number & (2**64 - 1):016x}"


def fresh_ids(count: int) -> Tensor:
    """`count` ids from the operating system's entropy: (count,) int64."""
    return torch.tensor([_signed(secrets.randbits(64)) for _ in range(count)], dtype=torch.int64, device="cpu")


def as_ids(ids: Ids, count: int, what: str = "ids") -> Tensor:
    """Ids as the bit patterns of 64-bit integers: (count,) int64 on the CPU.

    Args:
        ids: integers in [0, 2^64), names, or an int64 tensor of bit patterns.
        count: the number of images.
        what: they are, for errors.

    Raises:
        ValueError: not `count` ids, or an id outside its range.
        TypeError: an id that is neither int nor str.
    """
    if isinstance(ids, str | bytes | Set | Mapping) or not isinstance(ids, Iterable):
        raise TypeError(f"{what} is {ids!r}, wanted one per image: a list")
    if isinstance(ids, Tensor):
        if ids.dtype != torch.int64 or ids.ndim != 1:
            raise TypeError(f"{what} is a {ids.dtype} tensor of {ids.ndim} dimensions, wanted int64 of one")
        patterns = ids.detach().cpu().resolve_neg()
    else:
        patterns = torch.tensor([_signed(_one_id(one)) for one in ids], dtype=torch.int64, device="cpu")
    if len(patterns) != count:
        raise ValueError(f"got {len(patterns)} {what} for {count} images")
    return patterns


def _one_id(one: object) -> int:
    return sample_id(one) if isinstance(one, str) else _within(one, 2**64, "id", "an int or a str")


def _within(value: object, limit: int, what: str, wanted: str = "an int") -> int:
    """`value` as an int of [0, limit). Raises TypeError for what is none, ValueError outside."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{what} {value!r} is a {type(value).__name__}, wanted {wanted}") from None
    if not 0 <= number < limit:
        raise ValueError(f"{what} is {number}, wanted 0 to {limit - 1}")
    return number


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _halves(value: int) -> tuple[int, int]:
    return value & _MASK, value >> 32


class _Words(NamedTuple):
    """The words of one PIXEL call, and of which pixels: an origin's identity stands for the frame and device."""

    origin: Tensor
    shape: torch.Size
    words: Tensor


@dataclass(frozen=True)
class Key:
    """The address of a batch's noise, all but the pixel.

    Attributes:
        seed: in [0, 2^64).
        sample: (batch,) int64 bit patterns of the samples' ids.
        body: (batch,) int64 bit patterns of the cameras' ids, for what is fixed to a sensor.
        view: number of the exposure, 0 to 4095; 0 addresses what all views of a scene share.
        epoch: None for frozen noise; an epoch's number gives noise of its own, epoch 0 too.
    """

    seed: int
    sample: Tensor
    body: Tensor | None = None
    view: int = 1
    epoch: int | None = None
    # Shot and read noise take their words from one PIXEL call; this keeps it for the second of them.
    _last: dict[int, _Words] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", _within(self.seed, 2**64, "seed"))
        object.__setattr__(self, "view", _within(self.view, _VIEWS, "view"))
        if self.epoch is not None:
            object.__setattr__(self, "epoch", _within(self.epoch, 2**64, "epoch"))

    def at(self, view: int) -> "Key":
        """The same address in another view."""
        return replace(self, view=view)

    def of_body(self, name: str) -> "Key":
        """The same address on the camera of that name."""
        return replace(self, body=as_ids([sample_id(name)] * len(self.sample), len(self.sample)))

    def take(self, index: Tensor) -> "Key":
        """The address of some of the images."""
        body = None if self.body is None else self.body[index]
        return replace(self, sample=self.sample[index], body=body)

    def words(self, frame: Frame, stream: int = Stream.PIXEL) -> Tensor:
        """The words of every pixel: (4, batch, channel, row, col) int32 bit patterns."""
        last = self._last.get(stream)
        if last is None or last.origin is not frame.origin or last.shape != frame.data.shape:
            _within(frame.data.shape[1] - 1, _CHANNELS, "channel")
            channel = torch.arange(frame.data.shape[1], device=frame.data.device).reshape(1, -1, 1, 1)
            position = (frame.rows() << 16 | frame.columns())[:, None]
            last = _Words(frame.origin, frame.data.shape, self._call(stream, position, channel))
            if stream == Stream.PIXEL:  # several stages share this call; of the others each is read once
                self._last[stream] = last
        return last.words

    def row_words(self, frame: Frame, stream: int) -> Tensor:
        """One word per row of the frame, shared by its planes: (batch, 1, row, 1) int32."""
        return self._call(stream, frame.rows()[:, None] << 16, 0)[0]

    def octave_words(self, frame: Frame, stream: int, octave: int) -> Tensor:
        """One word per 2^octave rows of the frame, from a first row of chance: (batch, 1, row, 1) int32.

        Octave 0 is `row_words`. Where the steps begin is drawn too, so that no row is special.
        """
        start = self.image_words(stream, frame.data.device, draw=octave)[1].long() & _MASK
        step = (frame.rows()[:, None] + (start >> (32 - octave))) >> octave
        return self._call(stream, step << 16, 0, octave)[0]

    def column_words(self, frame: Frame, stream: int) -> Tensor:
        """One word per column of the frame, shared by its planes: (batch, 1, 1, col) int32."""
        return self._call(stream, frame.columns()[:, None], 0)[0]

    def image_words(self, stream: int, device: torch.device | str = "cpu", *, draw: int = 0) -> Tensor:
        """The words of each whole image: (4, batch, 1, 1, 1) int32. They are those of its pixel (0, 0)."""
        return self._call(stream, torch.zeros((1, 1, 1, 1), dtype=torch.int64, device=device), 0, draw)

    def parameter_words(self, numbers: Sequence[int]) -> Tensor:
        """The words of each numbered parameter: (number, 4, batch) int32 on the CPU."""
        positions = torch.tensor([*numbers], dtype=torch.int64, device="cpu")[None, None, :, None]
        return self._call(Stream.PARAMETERS, positions, 0)[:, :, 0, :, 0].permute(2, 0, 1)

    def _call(self, stream: int, position: Tensor, channel: Word, draw: int = 0) -> Tensor:
        """Philox at (batch, 1, row, col) positions row << 16 | col; channel broadcasts over dimension 1."""
        _within(stream, 2**8, "stream")
        _within(draw, 2**4, "draw")
        device, fixed = position.device, bool(stream & FIXED)
        sample = self.body if fixed else self.sample
        if sample is None:
            raise ValueError(f"stream {stream_name(stream)} is fixed to a body, and this key has none")
        view = 0 if fixed else self.view
        c2 = (sample & _MASK).to(device).reshape(-1, 1, 1, 1)
        c3 = ((sample >> 32) & _MASK).to(device).reshape(-1, 1, 1, 1)
        c1 = channel << 24 | int(stream) << 16 | view << 4 | draw
        words = philox((position, c1, c2, c3), (0, 0) if fixed else self.philox_key())
        stacked = torch.stack([word for word in words if isinstance(word, Tensor)])
        # Sign-extended before the narrowing, so that no value is converted out of range.
        return ((stacked << 32) >> 32).to(torch.int32)

    def philox_key(self) -> tuple[int, int]:
        """The two words of the key: the seed, or what an epoch makes of it."""
        if self.epoch is None:
            return _halves(self.seed)
        k0, k1, _, _ = philox((*_halves(self.epoch), 0, 0), _halves(self.seed))
        return int(k0), int(k1)
