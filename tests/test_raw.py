"""Reading RAW files: real ones against what is known of them, made ones against how they were made."""

import io
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("rawpy", reason="needs the extra [raw]")
pytest.importorskip("tifffile", reason="needs the extra [raw]")

import rawpy
import tifffile

from camnoise.mosaic import color_at, shifted
from camnoise.raw import Raw, libraw, read_headerless, read_raw, tags, write_dng
from camnoise.raw import _describe as describe
from camnoise.units import Unit
from camnoise.vocabulary import NLF

BAYER = ["RGGB", "GRBG", "GBRG", "BGGR"]
XTRANS = "GBGGRG/RGRBGB/GBGGRG/GRGGBG/BGBRGR/GRGGBG"
LEVELS = {"black": 64.0, "white": 4000.0, "bits": 12}

# File -> rows, cols, pattern, origin, black, white, bits, ISO, exposure, camera. Levels and pattern as LibRaw's tables
# and the tags have them; colorchart.dng states ISO 0 and an exposure of 0/1000000 s: unknown.
OPENED = {
    "Canon_EOS30D_iso100_IMG_0848.CR2": (
        (2348, 3522), "RGGB", (12, 74), (127, 128, 128, 128), 4095, 12, 100, 0.002, "Canon EOS 30D",
    ),
    "RAW_KODAK_DC50.KDC": (
        (512, 768), "GRBG", (0, 0), (0, 0, 0, 0), 16383, 14, 84, 0.00435, "Kodak Digital Science DC50 Zoom Camera",
    ),
    "colorchart.dng": (
        (1156, 1734), "RGGB", (26, 152), (2056,) * 4, 15000, 14, None, None, "Canon EOS Kiss X4",
    ),
    "synthetic_container/synthetic_bayer_BGGR_kodak03.dng": (
        (512, 768), "BGGR", (0, 0), (1024,) * 4, 16383, 14, None, None, "Synthetic camnoise-test",
    ),
}  # fmt: skip
REFUSED = {"not_cfa_or_broken/truncated_panasonic_fz38.rw2": "decodes to zeros only"}


def numbers(rows: int = 64, cols: int = 72, low: int = 1000, high: int = 4000) -> np.ndarray:
    return np.random.default_rng(7).integers(low, high, (rows, cols)).astype(np.uint16)


def tiff(pixels: np.ndarray, *entries: tuple[int, int, int, object], photometric: int = tags.CFA) -> bytes:
    """A DNG made without camnoise's writer."""
    file = io.BytesIO()
    extra = [(50706, 1, 4, bytes([1, 4, 0, 0]), True), (50708, 2, 0, "Test", True), (50717, 4, 1, 4095, True)]
    if photometric == tags.CFA and not any(entry[0] == tags.CFA_PATTERN for entry in entries):
        entries = (*entries, (33421, 3, 2, (2, 2)), (33422, 1, 4, bytes([0, 1, 1, 2])))
    own = {entry[0] for entry in entries}
    extra = [entry for entry in extra if entry[0] not in own] + [(*entry, True) for entry in entries]
    tifffile.imwrite(file, pixels, photometric=photometric, metadata=None, extratags=extra)
    return file.getvalue()


# --- real files


def test_every_raw_file_at_hand_is_known(shared_data):
    there = {p.relative_to(shared_data / "raw").as_posix() for p in (shared_data / "raw").rglob("*") if p.is_file()}
    raw = {name for name in there if not name.endswith((".txt", ".npy", ".md"))}
    assert raw <= {*OPENED, *REFUSED}, "a new file: say here what it holds"


@pytest.mark.parametrize("name", OPENED)
def test_a_real_file_opens_with_its_pattern_and_levels(shared_data, name):
    shape, cfa, origin, black, white, bits, iso, exposure, camera = OPENED[name]
    raw = read_raw(shared_data / "raw" / name)
    assert (raw.mosaic.shape, raw.mosaic.dtype) == (shape, np.uint16)
    assert (raw.cfa, raw.origin, raw.bits, raw.camera) == (cfa, origin, bits, camera)
    assert (raw.black, raw.white, raw.iso) == (tuple(map(float, black)), white, iso)
    assert raw.exposure == (exposure and pytest.approx(exposure, rel=1e-6))


@pytest.mark.parametrize("name", REFUSED)
def test_a_real_file_is_refused_with_its_reason(shared_data, name):
    with pytest.raises(ValueError, match=REFUSED[name]):
        read_raw(shared_data / "raw" / name)


@pytest.mark.parametrize("name", [name for name in OPENED if "KODAK_DC50" not in name])
def test_the_greens_of_a_real_file_are_where_the_pattern_says(shared_data, name):
    """Without trusting any tag: of the tile's four places, two neighbors across a diagonal see the same light."""
    raw = read_raw(shared_data / "raw" / name)
    a, b, c, d = (raw.mosaic[row::2, col::2].astype(float) for row in (0, 1) for col in (0, 1))
    apart = {"main": abs(a - d).mean(), "other": abs(b - c).mean()}
    assert raw.cfa is not None
    assert min(apart, key=apart.__getitem__) == ("main" if raw.cfa[0] == "G" else "other")


def test_the_synthetic_file_is_its_array(shared_data):
    folder = shared_data / "raw" / "synthetic_container"
    raw = read_raw(folder / "synthetic_bayer_BGGR_kodak03.dng")
    assert np.array_equal(raw.mosaic, np.load(folder / "synthetic_bayer_BGGR_kodak03_expected_raw.npy"))


def test_a_canon_has_optical_black(shared_data):
    raw = read_raw(shared_data / "raw" / "Canon_EOS30D_iso100_IMG_0848.CR2")
    assert {name: margin.shape for name, margin in raw.masked.items()} == {"left": (2348, 74), "top": (12, 3596)}
    assert raw.masked_at == {"left": (12, 0), "top": (0, 0)}
    assert raw.masked["left"].std() == pytest.approx(1.754, rel=0.01)  # the figure that goes with the file
    assert raw.masked["left"].mean() == pytest.approx(128, abs=0.5)
    assert np.median(raw.mosaic[:, 0]) > 200, "the first visible column saw light"


def test_what_a_real_file_says_of_color(shared_data):
    canon = read_raw(shared_data / "raw" / "Canon_EOS30D_iso100_IMG_0848.CR2")
    assert canon.white_balance == pytest.approx((2009 / 1024, 1, 1713 / 1024))
    chart = read_raw(shared_data / "raw" / "colorchart.dng")
    assert chart.white_balance == pytest.approx((2.477, 1, 2.477 / 1.462))
    with rawpy.imread(str(shared_data / "raw" / "colorchart.dng")) as file:
        turned = np.linalg.inv(file.color_matrix[:, :3].astype(float))  # LibRaw's own way from the same tag
    assert np.allclose(chart.color_matrix, turned / turned.sum(1, keepdims=True), atol=1e-3)
    assert np.allclose(canon.color_matrix.sum(1), 1)
    assert read_raw(shared_data / "raw" / "RAW_KODAK_DC50.KDC").color_matrix is None


# --- the pattern, the margins and the levels, by construction


@pytest.mark.parametrize("area", [(0, 0, 64, 72), (8, 10, 60, 70), (9, 10, 64, 72), (8, 11, 63, 72), (9, 11, 61, 69)])
@pytest.mark.parametrize("cfa", [*BAYER, XTRANS, "RRGG/RRGG/GGBB/GGBB"])
def test_the_pattern_is_that_of_the_first_visible_pixel(tmp_path, cfa, area):
    top, left, bottom, right = area
    whole = numbers()
    write_dng(tmp_path / "a.dng", whole, cfa=cfa, **LEVELS, active_area=area)
    raw = read_raw(tmp_path / "a.dng")
    assert (raw.cfa, raw.origin) == (cfa, (top, left))
    assert np.array_equal(raw.mosaic, whole[top:bottom, left:right])


@pytest.mark.parametrize("area", [(4, 2, 64, 72), (5, 2, 64, 72), (4, 3, 64, 72), (5, 3, 64, 72)])
@pytest.mark.parametrize("cfa", [*BAYER, XTRANS])
def test_so_it_is_where_there_are_no_tags_to_ask(tmp_path, cfa, area):
    """What is done for CR2, NEF, RAF: LibRaw's colors, which count from the full area's (0, 0)."""
    write_dng(tmp_path / "a.dng", numbers(), cfa=cfa, **LEVELS, active_area=area)
    with rawpy.imread(str(tmp_path / "a.dng")) as file:
        top, left, *_ = libraw.visible(file, {}, file.raw_image.shape)
        assert libraw.pattern(file, {}, (top, left), "a.dng") == shifted(cfa, top - area[0], left - area[1])
        if cfa == XTRANS:  # the twin: taking raw_pattern for the visible area's is wrong
            naive = "/".join("".join("RGBG"[color] for color in row) for row in file.raw_pattern)
            assert naive != cfa


def test_filters_that_libraw_reads_from_beyond_its_table_are_no_filters(tmp_path):
    write_dng(tmp_path / "a.dng", numbers(), cfa=XTRANS, **LEVELS, active_area=(24, 36, 64, 72))
    with rawpy.imread(str(tmp_path / "a.dng")) as file:
        top, left, *_ = libraw.visible(file, {}, file.raw_image.shape)
        if libraw.colors(file, (top, left)).max() > 3:  # not in a LibRaw where this is mended
            with pytest.raises(ValueError, match=r"a\.dng has filters"):
                libraw.pattern(file, {}, (top, left), "a.dng")
    assert read_raw(tmp_path / "a.dng").cfa == XTRANS


@pytest.mark.parametrize("area", [(12, 16, 64, 72), (11, 13, 52, 60)])
def test_optical_black_is_never_in_the_mosaic(tmp_path, area):
    top, left, bottom, right = area
    whole = numbers(low=60, high=69)
    whole[top:bottom, left:right] = numbers(bottom - top, right - left)
    write_dng(tmp_path / "a.dng", whole, cfa="GBRG", **LEVELS, active_area=area)
    raw = read_raw(tmp_path / "a.dng")
    assert raw.mosaic.min() >= 1000
    assert raw.mosaic.shape == (bottom - top, right - left)
    assert {"left", "top"} <= set(raw.masked)
    for name, margin in raw.masked.items():
        row, col = raw.masked_at[name]
        assert margin.max() < 69
        assert np.array_equal(margin, whole[row : row + margin.shape[0], col : col + margin.shape[1]])


def test_a_margin_that_saw_light_is_no_optical_black(tmp_path):
    write_dng(tmp_path / "a.dng", numbers(), cfa="RGGB", **LEVELS, active_area=(0, 16, 64, 72))
    assert not read_raw(tmp_path / "a.dng").masked


def test_only_what_the_file_says_is_masked_is(tmp_path):
    whole = numbers(low=60, high=69)
    whole[10:, 30:] = numbers(54, 42)
    content = tiff(whole, (50829, 4, 4, (10, 30, 64, 72)), (50714, 4, 1, 64), (50830, 4, 4, (10, 4, 64, 20)))
    raw = read_raw(content)
    assert raw.masked_at == {"left": (10, 4)}
    assert np.array_equal(raw.masked["left"], whole[10:, 4:20])


@pytest.mark.parametrize("area", [(0, 0, 64, 72), (1, 0, 64, 72), (1, 1, 63, 71)])
def test_black_levels_are_in_the_order_of_sites_whatever_the_files_is(area):
    """The file has B, G, G, R = 40, 30.5, 20, 10: G2 shares its rows with blue. LibRaw swaps red and blue at (1, 1)."""
    content = tiff(
        numbers(), (33421, 3, 2, (2, 2)), (33422, 1, 4, bytes([2, 1, 1, 0])), (50829, 4, 4, area),
        (50713, 3, 2, (2, 2)), (50714, 5, 4, (40, 1, 61, 2, 20, 1, 10, 1)),
    )  # fmt: skip
    raw = read_raw(content)
    assert (raw.cfa, raw.black) == ("BGGR", (10, 20, 30.5, 40))


def test_black_levels_of_libraw_are_put_in_the_order_of_sites():
    content = tiff(numbers(), (50713, 3, 2, (2, 2)), (50714, 4, 4, (10, 20, 30, 40)))
    with rawpy.imread(io.BytesIO(content)) as file:
        assert file.black_level_per_channel == [10, 20, 40, 30], "LibRaw's order is R, G1, B, G2"
        assert libraw.black(file, {}, "RGGB", (0, 0)) == (10, 20, 30, 40)


def test_black_that_is_stated_beside_rows_and_columns_is_added_in_the_mean():
    across = (50715, 10, 72, (1, 1, 3, 1) * 36)
    down = (50716, 10, 64, (1, 2) * 64)
    assert read_raw(tiff(numbers(), (50714, 4, 1, 64), across, down)).black == (66.5,) * 4
    assert read_raw(tiff(numbers(), (50714, 4, 1, 64), down)).black == (64.5,) * 4


def test_of_several_white_levels_the_lowest_is_taken():
    assert read_raw(tiff(numbers(high=3900), (50717, 4, 4, (4000, 3900, 3950, 4095)))).white == 3900


@pytest.mark.parametrize("wide", [6, 8])
def test_a_narrow_margin_is_no_optical_black(tmp_path, wide):
    """It is the blurred edge of the visible area, however dark."""
    whole = numbers(low=60, high=69)
    whole[:, wide:] = numbers(64, 72 - wide)
    write_dng(tmp_path / "a.dng", whole, cfa="RGGB", **LEVELS, active_area=(0, wide, 64, 72))
    assert set(read_raw(tmp_path / "a.dng").masked) == ({"left"} if wide == 8 else set())


def test_a_linearization_table_is_applied():
    """By LibRaw, in decoding: the step of the numbers is then not 1."""
    stored = numbers(low=0, high=4096)
    table = (50712, 3, 4096, tuple(range(0, 8192, 2)))
    raw = read_raw(tiff(stored, table, (50717, 4, 1, 8190)))
    assert np.array_equal(raw.mosaic, 2 * stored)
    assert raw.bits == 13


def test_frame_takes_each_sites_black_away_and_keeps_what_is_below():
    mosaic = np.full((4, 6), 30, np.uint16)
    raw = Raw(mosaic, "GRBG", 12, (10.0, 20.0, 40.5, 30.0), 110.0)
    frame = raw.frame()
    assert (frame.unit, frame.cfa, frame.data.dtype) == (Unit.DN, "GRBG", torch.float32)
    assert frame.data[0, 0, :2, :2].tolist() == [[10, 20], [0, -10.5]]
    assert torch.equal(frame.data[..., 2:, 2:], frame.data[..., :2, :4])
    scene = raw.scene()
    want = torch.tensor([[10 / 90, 20 / 100], [0, 0]])
    assert torch.allclose(scene[0, 0, :2, :2], want, rtol=1e-6)


@pytest.mark.parametrize("cfa", ["RGGB", XTRANS, None])
def test_scene_has_white_at_one(cfa):
    mosaic = np.full((12, 12), 1000, np.uint16)
    raw = Raw(mosaic, cfa, 12, (200.0,) * (1 if cfa is None else 4), 1000.0)
    assert (raw.scene() == 1).all()


def test_a_color_field_comes_back_by_its_colors(tmp_path):
    """Red, green and blue each have their own value; the frame's own colors find them all."""
    for cfa in (*BAYER, XTRANS, "RRGG/RRGG/GGBB/GGBB"):
        tile = cfa.split("/") if "/" in cfa else [cfa[:2], cfa[2:]]
        value = {"R": 500, "G": 1000, "B": 2000}
        whole = np.array([[value[tile[r % len(tile)][c % len(tile[0])]] for c in range(36)] for r in range(36)])
        write_dng(tmp_path / "a.dng", whole.astype(np.uint16), cfa=cfa, **LEVELS)
        frame = read_raw(tmp_path / "a.dng").frame()
        assert frame.cfa is not None
        colors = color_at(frame, frame.cfa)
        for plane, light in enumerate((500, 1000, 2000)):
            assert (frame.data[:, 0][colors == plane] == light - 64).all()


def test_a_monochrome_sensor_has_no_pattern(tmp_path):
    write_dng(tmp_path / "a.dng", numbers(), cfa=None, **LEVELS)
    raw = read_raw(tmp_path / "a.dng")
    assert (raw.cfa, raw.black, raw.color_matrix) == (None, (64.0,), None)
    assert raw.frame().cfa is None


def test_tags_lie_in_a_directory_of_their_own(tmp_path):
    """As cameras and Adobe's converter write DNGs: a thumbnail first, the RAW image below it, either byte order."""
    whole = numbers()
    for order in "<>":
        file = io.BytesIO()
        with tifffile.TiffWriter(file, byteorder=order) as out:
            first = [
                (50706, 1, 4, bytes([1, 4, 0, 0]), True), (271, 2, 0, "NIKON CORPORATION", True),
                (272, 2, 0, "NIKON D5000", True), (51041, 12, 6, (1e-3, 1e-6, 2e-3, 2e-6, 3e-3, 3e-6), True),
            ]  # fmt: skip
            small = np.zeros((16, 20, 3), np.uint8)
            out.write(small, photometric="rgb", subfiletype=1, subifds=1, metadata=None, extratags=first)
            own = [
                (33421, 3, 2, (2, 2), True), (33422, 1, 4, bytes([2, 1, 1, 0]), True), (50717, 4, 1, 4095, True),
                (50714, 5, 1, (255, 4), True), (50829, 4, 4, (1, 1, 64, 72), True),
            ]  # fmt: skip
            out.write(whole, photometric=tags.CFA, subfiletype=0, metadata=None, extratags=own)
        raw = read_raw(file.getvalue())
        assert np.array_equal(raw.mosaic, whole[1:, 1:])
        assert (raw.cfa, raw.black, raw.white, raw.camera) == ("BGGR", (63.75,) * 4, 4095, "NIKON D5000")
        assert raw.noise_profile == (NLF(1e-3, 1e-6), NLF(2e-3, 2e-6), NLF(3e-3, 3e-6))


def test_of_two_matrices_the_one_for_daylight_is_taken_and_the_bodys_own_calibration_counts():
    warm = (50721, 10, 9, (2, 1, 0, 1, 0, 1, 0, 1, 2, 1, 0, 1, 0, 1, 0, 1, 2, 1))
    cool = (50722, 10, 9, (3, 1, 0, 1, 0, 1, 0, 1, 3, 1, 0, 1, 1, 1, 0, 1, 3, 1))
    body = (50724, 10, 9, (1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1))
    lights = ((50778, 3, 1, 17), (50779, 3, 1, 21))
    stated = tags.read_tags(tiff(numbers(), warm, cool, body, *lights))
    assert tags.matrix_in(stated).tolist() == [[4, 0, 3], [0, 3, 0], [1, 0, 3]], "body @ matrix, not matrix @ body"
    swapped = tags.read_tags(tiff(numbers(), warm, cool, (50778, 3, 1, 21), (50779, 3, 1, 17)))
    assert tags.matrix_in(swapped).tolist() == [[2, 0, 0], [0, 2, 0], [0, 0, 2]]
    neither = tags.read_tags(tiff(numbers(), warm, cool, (50778, 3, 1, 17), (50779, 3, 1, 20)))
    assert tags.matrix_in(neither).tolist() == [[3, 0, 0], [0, 3, 0], [1, 0, 3]], "the second is the cooler one"
    assert tags.matrix_in(tags.read_tags(tiff(numbers()))) is None


@pytest.mark.parametrize(("parts", "seconds"), [((1, 250), 0.004), ((0, 1_000_000), None), ((0, 0), None)])
def test_an_exposure_without_meaning_is_unknown(parts, seconds):
    """Where LibRaw makes one second of it."""
    assert read_raw(tiff(numbers(), (33434, 5, 1, parts))).exposure == seconds


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("Canon", "Canon EOS 30D", "Canon EOS 30D"),
        ("NIKON CORPORATION", "NIKON D5000", "NIKON D5000"),
        ("SONY", "ILCE-7SM2", "SONY ILCE-7SM2"),
        ("", "X100", "X100"),
        ("", "", "Test"),
    ],
)
def test_the_maker_is_named_once(make, model, camera):
    entries = [(code, 2, 0, text) for code, text in ((271, make), (272, model)) if text]
    assert read_raw(tiff(numbers(), *entries)).camera == camera


def test_a_name_that_does_not_decode_is_no_name(tmp_path):
    write_dng(tmp_path / "a.dng", numbers(), cfa="RGGB", **LEVELS, camera="CamXYZ")
    content = (tmp_path / "a.dng").read_bytes()
    assert read_raw(content.replace(b"CamXYZ", b"\x81\x8d\x81\x81\x81Z")).camera is None


def test_a_path_and_its_bytes_are_the_same(tmp_path):
    write_dng(tmp_path / "a.dng", numbers(), cfa="RGGB", **LEVELS)
    one, other = read_raw(str(tmp_path / "a.dng")), read_raw((tmp_path / "a.dng").read_bytes())
    assert np.array_equal(one.mosaic, other.mosaic)
    assert repr(one) == repr(other) == "Raw(camnoise, 64x72 RGGB, 12 bits, 64 to 4000 DN)"


def test_what_is_read_is_the_callers_own(tmp_path):
    """Nothing points into LibRaw's memory, which is gone, or into another call's."""
    whole = numbers(low=60, high=69)
    whole[:, 16:] = numbers(64, 56)
    write_dng(tmp_path / "a.dng", whole, cfa="RGGB", **LEVELS, active_area=(0, 16, 64, 72))
    raw = read_raw(tmp_path / "a.dng")
    for array in (raw.mosaic, raw.masked["left"]):
        assert array.flags.owndata
        assert array.flags.writeable


def test_threads_do_not_meet(tmp_path):
    files = []
    for number in range(4):
        files.append(tmp_path / f"{number}.dng")
        write_dng(files[-1], numbers() - number, cfa=BAYER[number], **LEVELS)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(read_raw, files * 8))
    for at, raw in enumerate(found):
        assert raw.cfa == BAYER[at % 4]
        assert np.array_equal(raw.mosaic, numbers() - at % 4)


# --- what is refused


def refused(what: str) -> bytes:
    plain = numbers()
    if what == "photograph":
        file = io.BytesIO()
        Image.new("RGB", (64, 64), (9, 9, 9)).save(file, "JPEG")
        return file.getvalue()
    return {
        "empty": lambda: b"",
        "text": lambda: b"no photograph " * 100,
        "zeros": lambda: tiff(np.zeros_like(plain)),
        "linear": lambda: tiff(np.repeat(plain[..., None], 3, 2), photometric=tags.LINEAR_RAW),
        "floats": lambda: tiff(plain.astype(np.float32)),
        "cyan": lambda: tiff(plain, (33421, 3, 2, (2, 2)), (33422, 1, 4, bytes([3, 4, 1, 5]))),
        "staggered": lambda: tiff(plain, (50711, 3, 1, 2)),
        "short": lambda: tiff(plain)[:-1],
        "black above white": lambda: tiff(plain, (50714, 4, 1, 5000)),
        "no period": lambda: tiff(plain, (33421, 3, 2, (1, 17)), (33422, 1, 17, bytes([0, 1, 2, *[1] * 14]))),
    }[what]()  # fmt: skip


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("photograph", "RAW data is no RAW file that LibRaw knows"),
        ("empty", "RAW data is empty"),
        ("text", "is no RAW file that LibRaw knows"),
        ("zeros", "decodes to zeros only"),
        ("linear", "is linear, 3 values a pixel, wanted the one of a filter-array mosaic"),
        ("floats", "holds floating values, wanted integers"),
        ("cyan", "color number 3, wanted 0 R, 1 G, 2 B or 6 W"),
        ("staggered", "layout 2, wanted 1"),
        ("short", "ends too early: it has [0-9]+ bytes, and its image ends at byte [0-9]+"),
        ("black above white", "states black 5000 and white 4095"),
        ("no period", "without a period of at most 16 pixels"),
    ],
)
def test_what_is_no_mosaic_is_refused_with_the_reason(what, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        read_raw(refused(what))
    assert "\n" not in str(caught.value)


def test_three_values_a_pixel_are_refused_without_tags_too():
    """As a Foveon file or an sRAW is, which are no DNGs."""
    with rawpy.imread(io.BytesIO(refused("linear"))) as file, pytest.raises(ValueError, match="3 values a pixel"):
        describe(file, {}, "a.x3f")


def test_rows_of_zeros_at_the_end_were_not_in_the_file():
    """As LibRaw fills what is cut off of some formats; black is 64, and no noise gives rows of zeros."""
    cut, dark = numbers(), numbers(low=0, high=3)
    cut[-5:] = 0
    with pytest.raises(ValueError, match="zeros in its last 5 rows: it ends too early"):
        read_raw(tiff(cut, (50714, 4, 1, 64)))
    assert read_raw(tiff(dark, (50714, 4, 1, 64))).mosaic.max() == 2


def test_libraw_alone_would_take_them_for_mosaics():
    """The twin: why the tags are asked first."""
    for what in ("floats", "staggered"):
        with rawpy.imread(io.BytesIO(refused(what))) as file:
            assert file.raw_type == rawpy.RawType.Flat
    with rawpy.imread(io.BytesIO(refused("short"))) as file:
        assert file.raw_image.shape == (64, 72)


def test_the_file_is_named(tmp_path):
    (tmp_path / "a.cr2").write_bytes(b"no photograph " * 100)
    with pytest.raises(ValueError, match=r"a\.cr2 is no RAW file"):
        read_raw(tmp_path / "a.cr2")
    with pytest.raises(ValueError, match="is a folder, wanted a RAW file"):
        read_raw(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_raw(tmp_path / "b.cr2")
    os.mkfifo(tmp_path / "pipe.cr2")
    with pytest.raises(ValueError, match=r"pipe\.cr2 is not a regular file, wanted a RAW file"):
        read_raw(tmp_path / "pipe.cr2")


@pytest.mark.parametrize("module", ["rawpy", "tifffile"])
def test_a_missing_extra_is_named(module):
    code = f"import sys; sys.modules[{module!r}] = None\nimport camnoise.raw"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert f"RAW files need {module}: install camnoise with its extra [raw]" in done.stderr


# --- headerless


GEOMETRY = {"rows": 64, "cols": 72, "cfa": "GBRG", **LEVELS}


@pytest.mark.parametrize("offset", [0, 7])
@pytest.mark.parametrize(("order", "code"), [("little", "<u2"), ("big", ">u2")])
def test_a_headerless_file_is_its_array(tmp_path, order, code, offset):
    (tmp_path / "a.raw").write_bytes(bytes(offset) + numbers().astype(code).tobytes())
    raw = read_headerless(tmp_path / "a.raw", **GEOMETRY, byteorder=order, offset=offset)
    assert np.array_equal(raw.mosaic, numbers())
    assert (raw.cfa, raw.black, raw.white, raw.bits) == ("GBRG", (64.0,) * 4, 4000.0, 12)
    assert raw.mosaic.dtype == np.uint16
    assert raw.mosaic.dtype.isnative


def test_bytes_without_a_header(tmp_path):
    pixels = np.arange(64 * 72, dtype=np.uint8).reshape(64, 72)
    (tmp_path / "a.raw").write_bytes(pixels.tobytes())
    geometry = {**GEOMETRY, "bits": 8, "white": 255.0, "black": (1, 2, 3, 4)}
    raw = read_headerless(tmp_path / "a.raw", **geometry, dtype="uint8")
    assert np.array_equal(raw.mosaic, pixels)
    assert raw.black == (1.0, 2.0, 3.0, 4.0)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"rows": 63}, "has 9216 bytes, wanted 9072: 63x72 uint16"),
        ({"offset": 4}, "has 9216 bytes, wanted 9220: 64x72 uint16 and 4 before them"),
        ({"dtype": "uint8"}, "has 9216 bytes, wanted 4608"),
        ({"byteorder": "big"}, "wanted at most 4095 with 12 bits .is it big-endian"),
        ({"dtype": "float32"}, "dtype is 'float32'"),
        ({"byteorder": "pdp"}, "byteorder is 'pdp'"),
        ({"cols": 0}, "geometry is 64x0"),
        ({"cfa": "RGXB"}, "pattern is 'RGXB'"),
        ({"cfa": None, "black": (1, 2, 3, 4)}, "black has 4 numbers for a monochrome sensor, wanted one"),
        ({"cfa": "RGBW", "black": (1, 2, 3, 4)}, "black has 4 numbers for RGBW, wanted one"),
        ({"cfa": XTRANS, "black": (1, 2, 3, 4)}, "black has 2 for G1 and 3 for G2"),
        ({"bits": 12.5}, "bits is 12.5, wanted a whole number from 1 to 16"),
        ({"black": 4000}, "black is 4000, wanted 0 or more and below white, 4000"),
        ({"white": 4096}, "white is 4096, wanted at most 4095 with 12 bits"),
    ],
)
def test_a_geometry_that_does_not_fit_is_refused(tmp_path, more, reason):
    (tmp_path / "a.raw").write_bytes(numbers().tobytes())
    read_headerless(tmp_path / "a.raw", **GEOMETRY)
    with pytest.raises(ValueError, match=reason):
        read_headerless(tmp_path / "a.raw", **{**GEOMETRY, **more})


def test_a_headerless_file_has_one_spelling_of_its_filters(tmp_path):
    (tmp_path / "a.raw").write_bytes(numbers().tobytes())
    assert read_headerless(tmp_path / "a.raw", **{**GEOMETRY, "cfa": "GR/BG"}).cfa == "GRBG"


def test_a_headerless_file_of_zeros_is_refused(tmp_path):
    (tmp_path / "a.raw").write_bytes(bytes(64 * 72 * 2))
    with pytest.raises(ValueError, match="zeros only"):
        read_headerless(tmp_path / "a.raw", **GEOMETRY)
    with pytest.raises(ValueError, match="is a folder"):
        read_headerless(Path(tmp_path), **GEOMETRY)
