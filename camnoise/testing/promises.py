"""What every stage promises, whatever its law: purity, an address, a unit, and a clean view without noise."""

import torch
from torch import Tensor

from ..frame import Frame
from ..keys import OWN, OWN_FIXED, Key, Stream
from ..stage import Parameters, Stage

STREAMS = (*(int(stream) for stream in Stream if stream is not Stream.PARAMETERS), *OWN, *OWN_FIXED)
_TURN = 0x5A5A5A5A - 2**31  # the sign bit too


class TurnedKey(Key):
    """A key some of whose dice have been turned over."""

    turned: frozenset[tuple[int, int]] = frozenset()

    @classmethod
    def of(cls, key: Key, dice: set[tuple[int, int]]) -> "TurnedKey":
        """That key with those dice, (stream, lane) each, turned over."""
        turned = cls(key.seed, key.sample, key.body, key.view, key.epoch)
        object.__setattr__(turned, "turned", frozenset(dice))
        return turned

    def at(self, view: int) -> "TurnedKey":
        return TurnedKey.of(super().at(view), set(self.turned))

    def _call(self, stream: int, position: Tensor, channel: Tensor | int, draw: int = 0) -> Tensor:
        words = super()._call(stream, position, channel, draw)
        turn = [_TURN if (int(stream), lane) in self.turned else 0 for lane in range(4)]
        return words ^ torch.tensor(turn, dtype=torch.int32, device=words.device).reshape(-1, *[1] * (words.ndim - 1))


def check_promises(stage: Stage, frame: Frame, key: Key, drawn: Parameters, *, idle_dice: bool = True) -> None:
    """Holds a stage to what every stage promises.

    Args:
        stage: to be checked.
        frame: a batch of at least two different images as the stage would get them, at different origins,
            12 rows or more.
        key: with another sample and another body for each image.
        drawn: the table that it would find in a chain; better with values of their own for each image.
        idle_dice: whether each of the dice that it states must matter. (One of deviation 0 does not.)

    Raises:
        AssertionError: naming the first promise that is broken.
    """
    if not isinstance(stage, Stage):
        raise TypeError(f"check_promises got a {type(stage).__name__}, wanted a Stage")
    before, origin = frame.data.clone(), frame.origin.clone()
    batch, who = len(before), f"{type(stage).__name__}: "
    other = Key(key.seed ^ 1, key.sample + 2**40, key.body, view=key.view + 1, epoch=key.epoch)
    other_body = Key(other.seed, other.sample, None if key.body is None else key.body + 2**40, view=other.view)

    after = stage.apply(frame, key, drawn)
    assert torch.equal(frame.data, before), who + "input changed"
    assert after.data.dtype == torch.float32, who + "not float32"
    assert after.unit == (stage.gives or frame.unit), who + "another unit than stated"
    assert after.data.shape[2:] == before.shape[2:], who + "rows or columns changed"
    assert torch.isfinite(after.data).all(), who + "not finite"

    again = stage.apply(frame, key.at(key.view), drawn)
    assert torch.equal(again.data, after.data), who + "same address, other noise"

    def part(index: Tensor) -> Tensor:
        return stage.apply(frame.take(index), key.take(index), drawn.take(index)).data

    for image in range(batch):
        one = torch.tensor([image])
        assert torch.equal(part(one), after.data[one]), who + "noise depends on the batch"
    turn = torch.arange(batch).roll(1)
    assert torch.equal(part(turn), after.data[turn]), who + "noise depends on the place in the batch"

    top, left, r = 3, 2, stage.radius
    crop = Frame(before[:, :, top:, left:-1], frame.unit, origin + torch.tensor([top, left]), frame.cfa)
    cropped, whole = stage.apply(crop, key, drawn).data, after.data[:, :, top:, left:-1]
    rows, cols = whole.shape[2:]
    inner = (slice(None), slice(None), slice(r, rows - r), slice(r, cols - r))
    assert torch.equal(cropped[inner], whole[inner]), who + "crop then noise is not noise then crop"

    if stage.dice:
        moved = stage.apply(frame, other_body, drawn)
        assert not idle_dice or not torch.equal(moved.data, after.data), who + "noise ignores its address"
    else:
        moved = stage.apply(frame, other_body, drawn)
        assert torch.equal(moved.data, after.data), who + "a stage without dice depends on the address"
    clean = stage.clean(frame, key, drawn)
    assert torch.equal(clean.data, stage.clean(frame, other_body, drawn).data), who + "the clean view has noise"
    assert torch.equal(frame.data, before), who + "clean changed its input"

    stated = {(int(stream), int(lane)) for stream, lane in stage.dice}
    if stated and all(stream in (*Stream, *OWN, *OWN_FIXED) and stream & 32 for stream, _ in stated):
        fixed = stage.apply(frame, other, drawn)
        assert torch.equal(fixed.data, after.data), who + "a pattern fixed to the body moves with seed, sample or view"
    _check_dice(stage, frame, key, drawn, after.data, stated, who, idle_dice)


def _check_dice(
    stage: Stage,
    frame: Frame,
    key: Key,
    drawn: Parameters,
    result: Tensor,
    stated: set[tuple[int, int]],
    who: str,
    idle_dice: bool,
) -> None:
    """The stage depends on each of the dice it states, and on no other."""

    def with_turned(dice: set[tuple[int, int]]) -> Tensor:
        return stage.apply(frame, TurnedKey.of(key, dice), drawn).data

    every = {(stream, lane) for stream in STREAMS for lane in range(4)}
    assert torch.equal(with_turned(every - stated), result), who + "reads dice that it does not state"
    for one in stated if idle_dice else ():
        assert not torch.equal(with_turned({one}), result), who + "states dice that it does not read"
