"""A program on a CUDA device: one launch for its lines, one for its pixels.

Under `TRITON_INTERPRET=1` the same kernels run on CPU tensors, with numpy behind each operation.
"""

# As in `arithmetic`: to mypy the kernels are Python without types. The launchers below them are typed.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, import-untyped"

from functools import cache
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from ...draws import LARGEST_RATE as _LARGEST_RATE
from ...keys import FIXED as _FIXED
from ...keys import Lane, Stream
from ...light import decoded_levels
from ..program import Addresses, Code, Line, Operation, Program, Shape
from . import arithmetic as a
from .arithmetic import constant

LARGEST_RATE, FIXED = constant(_LARGEST_RATE), constant(_FIXED)
PIXEL, DSNU = constant(int(Stream.PIXEL)), constant(int(Stream.DSNU))
ANGLE = constant(int(Lane.ANGLE))

LINEARIZE, SCALE, RESPOND = constant(int(Code.LINEARIZE)), constant(int(Code.SCALE)), constant(int(Code.RESPOND))
ADD, CHARGE, HOT = constant(int(Code.ADD)), constant(int(Code.CHARGE)), constant(int(Code.HOT))
SHOT, RATE, DIVIDE = constant(int(Code.SHOT)), constant(int(Code.RATE)), constant(int(Code.DIVIDE))
CEILING, NORMAL, UNIFORM = constant(int(Code.CEILING)), constant(int(Code.NORMAL)), constant(int(Code.UNIFORM))
TUKEY, STUDENT = constant(int(Code.TUKEY)), constant(int(Code.STUDENT))
PLANE, TILE = constant(int(Code.PLANE)), constant(int(Code.TILE))
ROW, COLUMN = constant(int(Code.ROW)), constant(int(Code.COLUMN))
LEVEL, ROUND, DITHER = constant(int(Code.LEVEL)), constant(int(Code.ROUND)), constant(int(Code.DITHER))
NORMALIZE, DEVIATE = constant(int(Code.NORMALIZE)), constant(int(Code.DEVIATE))
SPECKLE_NORMAL, SPECKLE_UNIFORM = constant(int(Code.SPECKLE_NORMAL)), constant(int(Code.SPECKLE_UNIFORM))
IMPULSE, CLIP, EIGHT_BITS = constant(int(Code.IMPULSE)), constant(int(Code.CLIP)), constant(int(Code.EIGHT_BITS))
WHITE, OCTAVES, WAVE = constant(int(Shape.WHITE)), constant(int(Shape.OCTAVES)), constant(int(Shape.WAVE))

# Pixels (or places of a line) of one block. Each thread has four: enough independent work to hide the latency of
# its chain of operations, few enough for their words and values to stay in registers. The interpreter pays for each
# operation as well as for each pixel. Calls of many pixels try all of `TUNED`, once for each program.
BLOCK, WARPS = 512, 4
TUNED = ((512, 4), (256, 4), (1024, 8), (1024, 4))
TUNED_FROM = 2**22
INTERPRETED_BLOCK = 16384


@triton.jit
def address_of(numbers, image, batch, views):
    """What is the same in all draws of an image, each a uint32: the words of the key, of the sample, of the body.

    `numbers` are the integers of `_numbers`.
    """
    sample, body = tl.load(numbers + 2 + views + image), tl.load(numbers + 2 + views + batch + image)
    return (
        tl.load(numbers).to(tl.uint32),
        tl.load(numbers + 1).to(tl.uint32),
        sample.to(tl.uint32),
        (sample >> 32).to(tl.uint32),
        body.to(tl.uint32),
        (body >> 32).to(tl.uint32),
    )


@triton.jit
def words(position, channel, STREAM: tl.constexpr, DRAW: tl.constexpr, view, address):
    """The four int32 words at positions row << 16 | col (uint32), as `Key._call` has them; `view` is its number."""
    c1 = channel << 24 | (STREAM << 16 | DRAW)
    if STREAM & FIXED:
        key = tl.zeros_like(view)
        drawn = a.philox(position, c1, address[4], address[5], key, key)
    else:
        drawn = a.philox(position, c1 | view << 4, address[2], address[3], address[0], address[1])
    return drawn


@triton.jit
def within(x, top):
    """Between 0 and `top`."""
    x = a.positive_part(x)
    return tl.where(x > top, top, x)


@triton.jit
def linearize(v, decoded, inside):
    level = tl.floor(v * 255.0 + 0.5)
    on_table = (tl.div_rn(level, tl.full(level.shape, 255.0, tl.float32)) == v) & (v >= 0.0) & (v <= 1.0)
    x = tl.load(decoded + within(level, 255.0).to(tl.int32), mask=inside, other=0.0)
    if tl.max((inside & (on_table == 0)).to(tl.int32), 0) > 0:
        w = tl.div_rn(v + 0.055, tl.full(v.shape, 1.055, tl.float32))
        curve = w * w * a.exp(a.log(w) * 0.4)
        line = tl.div_rn(v, tl.full(v.shape, 12.92, tl.float32))
        x = tl.where(on_table, x, tl.where(v <= 0.04045, line, curve))
    return x


@triton.jit
def wave(number, parameters, STREAM: tl.constexpr, view, address):
    """Values of a WAVE at numbers of rows or columns (uint32)."""
    turn = words(tl.zeros_like(number), tl.zeros_like(view), STREAM, 0, view, address)
    step = (tl.load(parameters + 1) * 4294967296.0).to(tl.int64)
    angle = turn[0].to(tl.int64) + number.to(tl.int64) * step
    return a.cosine_of_word(angle.to(tl.int32)) * tl.load(parameters)


@triton.jit
def octave(number, STREAM: tl.constexpr, OCTAVE: tl.constexpr, view, address):
    """One normal draw per 2^OCTAVE rows; `Key.octave_words`, of octaves from 1 on."""
    turn = words(tl.zeros_like(number), tl.zeros_like(view), STREAM, OCTAVE, view, address)
    held = (number + (turn[1].to(tl.uint32, bitcast=True) >> (32 - OCTAVE))) >> OCTAVE
    drawn = words(held << 16, tl.zeros_like(view), STREAM, OCTAVE, view, address)
    return a.normal(drawn[0])


@triton.jit(do_not_specialize=["batch", "views", "length", "width"])
def draw_lines(out, origin, table, numbers, batch, views, length, width, LINES: tl.constexpr, AXIS: tl.constexpr,
               BLOCK: tl.constexpr):  # fmt: skip
    """A program draws BLOCK places of every line of one image in one view.

    Args:
        out: (line, view, batch, length) float32, contiguous.
        LINES: (shape, stream, octaves, at) of each.
        AXIS: 0 for rows, 1 for columns.
    """
    program = tl.program_id(0).to(tl.int64)
    blocks = (length + BLOCK - 1) // BLOCK
    exposure = program // blocks
    view, image = exposure // batch, exposure % batch
    place = (program % blocks).to(tl.int32) * BLOCK + tl.arange(0, BLOCK)
    number = (tl.load(origin + image * 2 + AXIS).to(tl.int32) + place).to(tl.uint32)
    position = number << 16 if AXIS == 0 else number
    address = address_of(numbers, image, batch, views)
    view_number = tl.load(numbers + 2 + view).to(tl.uint32)
    for at in tl.static_range(len(LINES)):
        parameters = table + exposure * width + LINES[at][3]
        if LINES[at][0] == WAVE:
            value = wave(number, parameters, LINES[at][1], view_number, address)
        else:
            drawn = words(position, tl.zeros_like(view_number), LINES[at][1], 0, view_number, address)
            value = a.normal(drawn[0])
            if LINES[at][0] == OCTAVES:
                tl.static_assert(AXIS == 0)
                for number_of in tl.static_range(1, LINES[at][2]):
                    value = value + octave(number, LINES[at][1], number_of, view_number, address)
            value = value * tl.load(parameters)
        start = ((at * views + view) * batch + image) * length
        tl.store(out + start + place, value, mask=place < length)


@triton.jit
def operate(x, CODE: tl.constexpr, LANE: tl.constexpr, parameters, drawn, channel, site, inside):
    """One operation on the pixels x of a block.

    Args:
        parameters: pointer to the operation's first column of the table.
        drawn: the words of its stream.
        channel: scalar.
        site: place of each pixel in the 2x2 tile, row by row.
        inside: whether it is a pixel of the image at all.
    """
    if CODE == SHOT:
        x = a.poisson(drawn[LANE], x, inside)
    elif CODE == SCALE:
        x = x * tl.load(parameters)
    elif CODE == RESPOND:
        x = x * (a.normal(drawn[LANE]) * tl.load(parameters) + 1.0)
    elif CODE == ADD:
        x = x + tl.load(parameters)
    elif CODE == CHARGE:
        spread = a.exp(a.normal(drawn[LANE]) * tl.load(parameters + 1) - tl.load(parameters + 2))
        x = x + spread * tl.load(parameters)
    elif CODE == HOT:
        excess = -a.log_of_uniform(drawn[LANE + 1]) * tl.load(parameters + 1)
        x = x + tl.where(a.uniform(drawn[LANE]) < tl.load(parameters), excess, 0.0)
    elif CODE == RATE:
        x = a.positive_part(x) * tl.load(parameters)
    elif CODE == DIVIDE:
        x = tl.div_rn(x, tl.load(parameters))
    elif CODE == CEILING:
        ceiling = tl.load(parameters)
        x = tl.where(x > ceiling, ceiling, x)
    elif CODE == NORMAL:
        x = x + a.normal(drawn[LANE]) * tl.load(parameters)
    elif CODE == UNIFORM:
        x = x + (a.uniform(drawn[LANE]) - 0.5) * tl.load(parameters)
    elif CODE == TUKEY:
        x = x + a.tukey_lambda(drawn[LANE], tl.load(parameters), tl.load(parameters + 1))
    elif CODE == STUDENT:
        t = a.student_t(drawn[LANE], drawn[LANE + 1], tl.load(parameters), tl.load(parameters + 1))
        x = x + t * tl.load(parameters + 2)
    elif CODE == PLANE:
        x = x + tl.load(parameters + channel)
    elif CODE == TILE:
        low = tl.where(site == 0, tl.load(parameters), tl.load(parameters + 1))
        high = tl.where(site == 2, tl.load(parameters + 2), tl.load(parameters + 3))
        x = x + tl.where(site < 2, low, high)
    elif CODE == LEVEL:
        x = within(x + tl.load(parameters), tl.load(parameters + 1))
    elif CODE == ROUND:
        level, size = x + tl.load(parameters), tl.load(parameters + 1)
        x = within(tl.floor(tl.div_rn(level, size) + 0.5) * size, tl.load(parameters + 2))
    elif CODE == DITHER:
        level = x + tl.load(parameters)
        level = level + (a.uniform(drawn[LANE]) - 0.5) * tl.load(parameters + 1)
        x = within(level, tl.load(parameters + 2))
    elif CODE == NORMALIZE:
        x = tl.div_rn(x - tl.load(parameters), tl.load(parameters + 1)) * tl.load(parameters + 2)
    elif CODE == DEVIATE:
        variance = a.positive_part(x) * tl.load(parameters) + tl.load(parameters + 1)
        x = x + a.normal(drawn[LANE]) * tl.sqrt_rn(variance)
    elif CODE == SPECKLE_NORMAL:
        x = x + x * (a.normal(drawn[LANE]) * tl.load(parameters))
    elif CODE == SPECKLE_UNIFORM:
        x = x + x * ((a.uniform(drawn[LANE]) - 0.5) * tl.load(parameters))
    elif CODE == IMPULSE:
        level = tl.where(a.uniform(drawn[LANE + 1]) < tl.load(parameters + 1), 1.0, 0.0)
        x = tl.where(a.uniform(drawn[LANE]) < tl.load(parameters), level, x)
    elif CODE == CLIP:
        x = within(x, 1.0)
    else:
        tl.static_assert(CODE == EIGHT_BITS)
        level = tl.floor(within(x, 1.0) * 255.0 + 0.5)
        x = tl.div_rn(level, tl.full(level.shape, 255.0, tl.float32))
    return x


@triton.jit(
    do_not_specialize=[
        *("batch", "views", "channels", "rows", "cols", "width"),
        *("along_batch", "along_channel", "along_row", "along_column"),
    ]
)
def expose_pixels(out, status, images, origin, table, numbers, row_lines, column_lines, decoded, batch, views, channels,
                  rows, cols, width, along_batch, along_channel, along_row, along_column, low, high,
                  OPERATIONS: tl.constexpr, PLANES: tl.constexpr, LIMITED: tl.constexpr,
                  BLOCK: tl.constexpr):  # fmt: skip
    """A program exposes BLOCK consecutive pixels of one plane of one image, in every view.

    Args:
        out: (view, batch, channel, row, col), contiguous.
        status: (1,) int32, set to 1 where a rate is none, or a clean value is not from `low` to `high`.
        images: (batch, plane, row, col) of the strides `along_...`.
        table: (view, batch, width) float32.
        OPERATIONS: (code, stream, lane, at) of each.
        PLANES: over each place of the tile for a mosaic, whose one channel reads three planes; else empty.
        LIMITED: whether clean values are looked at.
    """
    program = tl.program_id(0).to(tl.int64)
    pixels = rows.to(tl.int64) * cols
    blocks = (pixels + BLOCK - 1) // BLOCK
    plane, start = program // blocks, (program % blocks) * BLOCK
    image, channel = plane // channels, (plane % channels).to(tl.uint32)
    # From here on rows and columns are 32-bit numbers: only the block's first pixel is divided in 64 bits.
    first_row = start // cols
    step = (start - first_row * cols).to(tl.int32) + tl.arange(0, BLOCK)
    row, col = first_row.to(tl.int32) + step // cols, step % cols
    inside = row < rows
    place_row = tl.load(origin + image * 2).to(tl.int32) + row
    place_col = tl.load(origin + image * 2 + 1).to(tl.int32) + col
    position = place_row.to(tl.uint32) << 16 | place_col.to(tl.uint32)
    site = (place_row & 1) * 2 + (place_col & 1)

    source = images + image * along_batch + row.to(tl.int64) * along_row + col.to(tl.int64) * along_column
    if len(PLANES) > 0:
        through = tl.where(
            site < 2, tl.where(site == 0, PLANES[0], PLANES[1]), tl.where(site == 2, PLANES[2], PLANES[3])
        )
        source += through.to(tl.int64) * along_channel
    else:
        source += channel.to(tl.int64) * along_channel
    clean = tl.load(source, mask=inside, other=0.0)
    if LIMITED:
        sound = (clean >= low) & (clean <= high)  # false for NaN too
        tl.store(status + tl.zeros_like(col), 1, mask=inside & (sound == 0))
    # What is the same in every view is done once.
    head: tl.constexpr = 1 if len(OPERATIONS) > 0 and OPERATIONS[0][0] == LINEARIZE else 0
    if head == 1:
        clean = linearize(clean, decoded, inside)

    address = address_of(numbers, image, batch, views)
    for view in range(views):
        x = clean
        view_number = tl.load(numbers + 2 + view).to(tl.uint32)
        exposure = image + batch * view
        # The two streams that several operations read; what no operation reads is not computed.
        pixel = words(position, channel, PIXEL, 0, view_number, address)
        dsnu = words(position, channel, DSNU, 0, view_number, address)
        for at in tl.static_range(head, len(OPERATIONS)):
            if OPERATIONS[at][1] == PIXEL:
                drawn = pixel
            elif OPERATIONS[at][1] == DSNU:
                drawn = dsnu
            elif OPERATIONS[at][1] > 0:
                drawn = words(position, channel, OPERATIONS[at][1], 0, view_number, address)
            else:
                drawn = pixel  # and reads none
            if OPERATIONS[at][0] == LINEARIZE:
                x = linearize(x, decoded, inside)
            elif OPERATIONS[at][0] == ROW:
                line = row_lines + (image + (OPERATIONS[at][3] * views + view) * batch) * rows
                x = x + tl.load(line + row, mask=inside, other=0.0)
            elif OPERATIONS[at][0] == COLUMN:
                line = column_lines + (image + (OPERATIONS[at][3] * views + view) * batch) * cols
                x = x + tl.load(line + col, mask=inside, other=0.0)
            else:
                parameters = table + exposure * width + OPERATIONS[at][3]
                if OPERATIONS[at][0] == SHOT:
                    ceiling = tl.load(parameters)
                    x = tl.where(x > ceiling, ceiling, x)
                    sound = (x >= 0.0) & (x <= LARGEST_RATE)  # false for NaN too
                    tl.store(status + tl.zeros_like(col), 1, mask=inside & (sound == 0))
                    x = tl.where(sound, x, 0.0)
                x = operate(x, OPERATIONS[at][0], OPERATIONS[at][2], parameters, drawn, channel, site, inside)

        to = out + (exposure * channels + channel) * pixels + start + tl.arange(0, BLOCK)
        if out.dtype.element_ty == tl.uint8:
            tl.store(to, (x * 255.0 + 0.5).to(tl.uint8), mask=inside)
        elif out.dtype.element_ty == tl.uint16:
            tl.store(to, x.to(tl.int32).to(tl.uint16), mask=inside)
        else:
            tl.store(to, x, mask=inside)


def expose(
    program: Program,
    data: Tensor,
    origin: Tensor,
    addresses: Addresses,
    dtype: torch.dtype = torch.float32,
    limits: tuple[float, float] | None = None,
) -> Tensor | None:
    """Every view of a batch.

    Args:
        program: its table on the CPU.
        data: (batch, channel, row, col) float32 on the device, of any strides; three planes for a mosaic.
        origin: (batch, 2) int64 on the device.
        addresses: of the views.
        dtype: float32, uint16 (the values are whole) or uint8 (they are whole in steps of 1/255).
        limits: of every value of `data`, to be looked at on the way; None for values that need it not.

    Returns:
        (view, batch, channel, row, col) of `dtype`; None where a value is outside `limits`, or
        the rate of a SHOT outside [0, 1e6].
    """
    batch, channels, rows, cols = data.shape
    channels = channels if program.tile is None else 1
    views, device = len(addresses.views), data.device
    out = torch.empty((views, batch, channels, rows, cols), dtype=dtype, device=device)
    if out.numel() == 0:
        return out
    if limits is not None and program.tile is not None:  # the kernel reads one plane a pixel, and all are looked at
        low, high = (edge.item() for edge in torch.aminmax(data))
        if not (low >= limits[0] and high <= limits[1]):
            return None
        limits = None
    table, numbers = program.table.to(device), _numbers(addresses).to(device)
    status = torch.zeros(1, dtype=torch.int32, device=device)
    operations = tuple((int(code), int(stream), int(lane), at) for code, stream, lane, at in program.operations)
    planes, pixels = batch * channels, rows * cols
    tuned = out.numel() >= TUNED_FROM and not triton.knobs.runtime.interpret
    launch, how = (_tuned(), {}) if tuned else (expose_pixels, {"BLOCK": _block(pixels), "num_warps": WARPS})
    with torch.cuda.device_of(data):  # where Triton launches
        lines = [
            _lines(kind, axis, length, origin, table, numbers)
            for axis, (kind, length) in enumerate([(program.rows, rows), (program.columns, cols)])
        ]
        launch[lambda chosen: (planes * triton.cdiv(pixels, chosen["BLOCK"]),)](
            *(out, status, data, origin, table, numbers, *lines, _decoded_levels(device)),
            *(batch, views, channels, rows, cols, table.shape[2], *data.stride(), *(limits or (0.0, 0.0))),
            *(operations, program.tile or (), limits is not None),
            enable_fp_fusion=False,
            **how,
        )
    looked = limits is not None or any(code is Code.SHOT for code, *_ in program.operations)
    return None if looked and status.item() else out


def try_out(device: torch.device) -> None:
    """Compiles and runs a program of one operation; raises whatever there is to raise."""
    program = Program((Operation(Code.SCALE),), (), (), torch.ones(1, 1, 1))
    nobody = torch.zeros(1, dtype=torch.int64)
    image, origin = torch.zeros(1, 1, 1, 1, device=device), torch.zeros((1, 2), dtype=torch.int64, device=device)
    expose(program, image, origin, Addresses((0, 0), (1,), nobody, nobody))


def _lines(lines: tuple[Line, ...], axis: int, length: int, origin: Tensor, table: Tensor, numbers: Tensor) -> Tensor:
    """(line, view, batch, length) float32 on the device."""
    views, batch, width = table.shape
    out = torch.empty((len(lines), views, batch, length), dtype=torch.float32, device=table.device)
    if lines:
        block = _block(length)
        draw_lines[(views * batch * triton.cdiv(length, block),)](
            *(out, origin, table, numbers, batch, views, length, width),
            *(tuple((int(shape), int(stream), octaves, at) for shape, stream, octaves, at in lines), axis, block),
            num_warps=WARPS,
            enable_fp_fusion=False,
        )
    return out


@cache
def _tuned() -> Any:
    configs = [triton.Config({"BLOCK": block}, num_warps=warps) for block, warps in TUNED]
    return triton.autotune(configs, key=["views", "channels", "OPERATIONS", "PLANES", "LIMITED"])(expose_pixels)


def _block(places: int) -> int:
    if triton.knobs.runtime.interpret:
        return int(min(INTERPRETED_BLOCK, triton.next_power_of_2(places)))
    return BLOCK


def _numbers(addresses: Addresses) -> Tensor:
    """The integers of the addresses, int64: the key's two words, the views, the samples, the bodies."""
    own = torch.tensor([*addresses.key, *addresses.views], dtype=torch.int64, device="cpu")
    return torch.cat([own, addresses.sample, addresses.body])


@cache
def _decoded_levels(device: torch.device) -> Tensor:
    return decoded_levels().to(device)
