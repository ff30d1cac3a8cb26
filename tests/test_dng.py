"""Writing mosaics: other readers find what was written, and what is damaged is never taken for whole."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("rawpy", reason="needs the extra [raw]")
pytest.importorskip("tifffile", reason="needs the extra [raw]")

import rawpy

from camnoise.color import SRGB_TO_XYZ
from camnoise.raw import read_raw, tags, write_dng, write_npy
from camnoise.vocabulary import NLF

BAYER = ["RGGB", "GRBG", "GBRG", "BGGR"]
XTRANS = "GBGGRG/RGRBGB/GBGGRG/GRGGBG/BGBRGR/GRGGBG"
QUAD = "RRGG/RRGG/GGBB/GGBB"
RGBW = "RWGW/WRWG/GWBW/WGWB"
LEVELS = {"cfa": "RGGB", "black": 64.0, "white": 4000.0, "bits": 12}
MATRIX = [[0.6, 0.3, 0.1], [0.1, 0.7, 0.2], [0.05, 0.25, 0.7]]


def numbers(rows: int = 64, cols: int = 72) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 4096, (rows, cols)).astype(np.uint16)


@pytest.mark.parametrize("area", [None, (8, 10, 60, 70), (9, 11, 60, 69)])
@pytest.mark.parametrize("cfa", [*BAYER, XTRANS, QUAD, RGBW, "RWWW", None])
def test_what_is_written_is_read_back(tmp_path, cfa, area):
    whole = numbers()
    top, left, bottom, right = area or (0, 0, 64, 72)
    said = {
        "white_balance": (2.1, 1.0, 1.7), "noise_profile": [NLF(1.25e-3, 3.5e-7)], "iso": 800, "exposure": 1 / 250,
        "camera": "Some Camera", "color_matrix": MATRIX,
    }  # fmt: skip
    write_dng(tmp_path / "a.dng", whole, **{**LEVELS, "cfa": cfa}, active_area=area, **said)
    raw = read_raw(tmp_path / "a.dng")
    assert np.array_equal(raw.mosaic, whole[top:bottom, left:right])
    assert (raw.cfa, raw.bits, raw.white, raw.origin) == (cfa, 12, 4000, (top, left))
    assert set(raw.black) == {64}
    assert (raw.iso, raw.exposure, raw.camera) == (800, 0.004, "Some Camera")
    assert raw.noise_profile == (NLF(1.25e-3, 3.5e-7),)
    if cfa is not None:
        assert raw.white_balance == pytest.approx((2.1, 1, 1.7), rel=1e-6)
        assert np.allclose(raw.color_matrix, MATRIX, atol=1e-6)


@pytest.mark.parametrize("cfa", [*BAYER, XTRANS])
def test_rawpy_finds_it_bit_for_bit(tmp_path, cfa):
    whole = numbers(512, 520)
    top, left = (6, 6) if cfa == XTRANS else (24, 36)  # LibRaw loses an X-Trans tile in a wider margin
    write_dng(tmp_path / "a.dng", whole, **{**LEVELS, "cfa": cfa}, active_area=(top, left, 512, 520))
    with rawpy.imread(str(tmp_path / "a.dng")) as file:
        assert np.array_equal(file.raw_image, whole)
        assert np.array_equal(file.raw_image_visible, whole[top:, left:])
        names = "".join("RGBG"[color] for color in file.raw_pattern.ravel())
        assert names == cfa.replace("/", "")  # the margins are whole tiles
        assert file.black_level_per_channel == [64] * 4
        assert file.white_level == 4000


def test_rawpy_develops_it(tmp_path):
    """A gray of daylight, through the matrix and the gains that are written, comes out gray."""
    gains, light = np.array([2.1, 1.0, 1.7]), 1500.0
    values = {color: light / gain + 64 for color, gain in zip("RGB", gains, strict=True)}
    tile = np.array([[values["G"], values["B"]], [values["R"], values["G"]]])
    whole = np.tile(tile, (32, 36)).round().astype(np.uint16)
    write_dng(tmp_path / "a.dng", whole, **{**LEVELS, "cfa": "GBRG"}, white_balance=gains, color_matrix=MATRIX)
    with rawpy.imread(str(tmp_path / "a.dng")) as file:
        picture = file.postprocess(use_camera_wb=True, no_auto_bright=True, output_bps=16, gamma=(1, 1))
    means = picture[8:-8, 8:-8].reshape(-1, 3).mean(0)
    assert means.max() / means.min() < 1.01


def test_daylight_is_what_the_gains_make_gray(tmp_path):
    """Readers look for the light in which white gives AsShotNeutral; by the matrix that is written, it is D65."""
    write_dng(tmp_path / "a.dng", numbers(), **LEVELS, white_balance=(2.1, 1.0, 1.7), color_matrix=MATRIX)
    stated = tags.read_tags((tmp_path / "a.dng").read_bytes())
    matrix, d65 = tags.matrix_in(stated), np.asarray(SRGB_TO_XYZ).sum(1)
    assert matrix is not None
    assert np.allclose(matrix @ d65, stated[tags.AS_SHOT_NEUTRAL], atol=1e-5)


@pytest.mark.parametrize("cfa", [*BAYER, XTRANS])
def test_dcraw_finds_it_bit_for_bit(tmp_path, cfa):
    """dcraw 9.28: another reader, older than DNG 1.4."""
    if shutil.which("dcraw") is None:
        pytest.skip("dcraw is not installed")
    whole = numbers(512, 520)
    write_dng(tmp_path / "a.dng", whole, **{**LEVELS, "cfa": cfa}, active_area=(3, 5, 512, 520), exposure=0.02)
    said = subprocess.run(["dcraw", "-i", "-v", tmp_path / "a.dng"], capture_output=True, text=True, check=True).stdout
    assert f"Filter pattern: {cfa if '/' in cfa else cfa[:2] + '/' + cfa[2:]}\n" in said
    assert "Image size:   515 x 509\n" in said
    assert "Shutter: 1/50.0 sec" in said
    plain = subprocess.run(["dcraw", "-E", "-4", "-c", tmp_path / "a.dng"], capture_output=True, check=True).stdout
    assert np.array_equal(np.frombuffer(plain[-whole.nbytes :], ">u2").reshape(whole.shape), whole)


@pytest.mark.parametrize(
    "black", [63.75, 127.913, (60, 61, 62.5, 63.25), np.array([512.0, 512.0, 511.0, 512.0]), np.float32(60.5)]
)
@pytest.mark.parametrize("cfa", [*BAYER, QUAD])
def test_black_levels_keep_their_fractions_and_their_sites(tmp_path, cfa, black):
    for area in (None, (1, 1, 63, 71)):
        write_dng(tmp_path / "a.dng", numbers(), **{**LEVELS, "cfa": cfa, "black": black}, active_area=area)
        assert read_raw(tmp_path / "a.dng").black == (tuple(black) if np.ndim(black) else (black,) * 4)


@pytest.mark.parametrize("black", [5000.1234567, 20000.123457, 65000.333333])
def test_levels_whose_fraction_has_a_large_numerator_are_written(tmp_path, black):
    """A numerator ends at 2^32 - 1: of 65000.333333 the denominator ends at 66076, half of whose step is the error."""
    write_dng(tmp_path / "a.dng", numbers(), **{**LEVELS, "black": black, "white": 65535, "bits": 16})
    assert read_raw(tmp_path / "a.dng").black == pytest.approx((black,) * 4, abs=0.5 / 66076)


def test_so_are_long_exposures_and_strong_gains(tmp_path):
    said = {"exposure": 12345.678901, "white_balance": (0.001, 1, 1), "color_matrix": MATRIX}
    write_dng(tmp_path / "a.dng", numbers(), **LEVELS, **said)
    raw = read_raw(tmp_path / "a.dng")
    assert raw.exposure == pytest.approx(12345.678901, abs=1e-9)
    assert raw.white_balance == (0.001, 1, 1)
    assert np.allclose(raw.color_matrix, MATRIX, atol=1e-5)


@pytest.mark.parametrize("side", [3, 5, 12, 16])
def test_a_tile_of_any_period_is_read_back(tmp_path, side):
    letters = np.random.default_rng(side).choice(list("RGB"), (side, side))
    cfa = "/".join("".join(row) for row in letters)
    for area in (None, (7, 9, 64, 72)):
        write_dng(tmp_path / "a.dng", numbers(), **{**LEVELS, "cfa": cfa}, active_area=area)
        assert read_raw(tmp_path / "a.dng").cfa == cfa


@pytest.mark.parametrize(
    ("cfa", "smallest"), [("RGRG/GBGB/RGRG/GBGB", "RGGB"), ("RGB/GBR", "RGB/GBR"), ("RGGB/RGGB/RGGB/RGGB", "RGGB/RGGB")]
)
def test_a_tile_is_read_back_as_the_smallest(tmp_path, cfa, smallest):
    write_dng(tmp_path / "a.dng", numbers(), **{**LEVELS, "cfa": cfa})
    assert read_raw(tmp_path / "a.dng").cfa == smallest


def test_a_name_as_long_as_one_can_be_is_written(tmp_path):
    dng, npy = ("a" * 251 + suffix for suffix in (".dng", ".npy"))
    write_dng(tmp_path / dng, numbers(), **LEVELS)
    write_npy(tmp_path / npy, numbers())
    assert sorted(path.name for path in tmp_path.iterdir()) == [dng, npy]


def test_the_bits_are_the_converters_and_not_those_of_the_file(tmp_path):
    dark = np.full((64, 72), 70, np.uint16)
    for bits, white in ((8, 255), (10, 1000), (14, 4000), (16, 65535)):
        write_dng(tmp_path / "a.dng", dark, **{**LEVELS, "bits": bits, "white": white})
        assert read_raw(tmp_path / "a.dng").bits == bits


def test_margins_are_written_and_come_back_as_optical_black(tmp_path):
    whole = numbers()
    whole[:16], whole[:, :20] = whole[:16] % 8 + 60, whole[:, :20] % 8 + 60
    write_dng(tmp_path / "a.dng", whole, **LEVELS, active_area=(16, 20, 64, 72))
    raw = read_raw(tmp_path / "a.dng")
    assert np.array_equal(raw.masked["left"], whole[16:, :20])
    assert np.array_equal(raw.masked["top"], whole[:16])


def test_profiles_of_three_colors(tmp_path):
    profile = (NLF(1e-3, 1e-6), NLF(2e-3, 0.0), NLF(3e-3, 3e-6))
    write_dng(tmp_path / "a.dng", numbers(), **LEVELS, noise_profile=profile)
    assert read_raw(tmp_path / "a.dng").noise_profile == profile


def test_the_same_mosaic_is_the_same_file(tmp_path):
    for name in ("a.dng", "b.dng"):
        write_dng(tmp_path / name, numbers(), **LEVELS)
    assert (tmp_path / "a.dng").read_bytes() == (tmp_path / "b.dng").read_bytes()


def test_a_view_and_another_byte_order_are_written_as_their_values(tmp_path):
    whole = numbers(128, 144)
    for mosaic in (whole[::2, ::2], whole.T[:72, :64], whole[::-1], whole.astype(">u2")):
        write_dng(tmp_path / "a.dng", mosaic, **LEVELS)
        assert np.array_equal(read_raw(tmp_path / "a.dng").mosaic, mosaic)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"cfa": "RCCC"}, "'RCCC' has C, which a DNG has no number for.*a clear filter is W there"),
        ({"cfa": "RGXB"}, "pattern is 'RGXB'"),
        ({"bits": 11, "white": 2000.0}, "mosaic holds 409., wanted at most 2047 with 11 bits"),
        ({"bits": 17}, "bits is 17, wanted a whole number from 1 to 16"),
        ({"white": 4096.0}, "white is 4096, wanted at most 4095 with 12 bits"),
        ({"white": 4000.5}, "white is 4000.5, wanted a whole number"),
        ({"black": 4000.0}, "black is 4000, wanted 0 or more and below white"),
        ({"black": -1.0}, "black is -1, wanted 0 or more"),
        ({"black": float("nan")}, "black is nan"),
        ({"black": (1, 2)}, "black has 2 numbers, wanted one, or four"),
        ({"black": np.ones((2, 2))}, r"black has shape \(2, 2\), wanted one number, or four in the order R, G1, G2, B"),
        ({"black": (1, 2, 3, 4), "cfa": None}, "black has 4 numbers for a monochrome sensor, wanted one"),
        ({"black": (1, 2, 3, 4), "cfa": "RWWW"}, "black has 4 numbers for RWWW, wanted one"),
        ({"active_area": (0, 0, 65, 72)}, "active_area is .0, 0, 65, 72., wanted .* within 64x72"),
        ({"active_area": (8, 0, 8, 72)}, "active_area is"),
        ({"white_balance": (1, 0, 1)}, "white_balance is .1, 0, 1., wanted three gains above 0"),
        ({"color_matrix": [[1, 0], [0, 1]]}, "color_matrix has shape .2, 2."),
        ({"noise_profile": [NLF(1, 1)] * 2}, "noise_profile has 2 entries, wanted one, or one per color"),
        ({"noise_profile": [NLF(float("nan"), 1)]}, "noise_profile holds nan"),
        ({"iso": 0}, "iso is 0"),
        ({"iso": 10**6}, "iso is 1e.06, wanted a whole number from 1 to 65535"),
        ({"exposure": 0}, "exposure is 0, wanted seconds"),
        ({"exposure": 1e-7}, "exposure is 1e-07, wanted seconds"),
        ({"camera": "Caméra"}, "camera is 'Caméra', wanted printable ASCII"),
        ({"camera": "Some\nCamera"}, "wanted printable ASCII"),
        ({"bits": 12.0}, "bits is 12.0, wanted a whole number from 1 to 16"),
        ({"black": (1, 2, 3, 4), "cfa": XTRANS}, "black has 2 for G1 and 3 for G2, wanted one: .* has no G2"),
        ({"active_area": (10, 10, 31, 60)}, "active_area is 21x50, wanted sides of at least 22"),
        ({"active_area": (0, 0, 1, 1)}, "active_area is 1x1, wanted sides of at least 22"),
        ({"color_matrix": np.zeros((3, 3))}, r"color_matrix has rows that sum to \[0.0, 0.0, 0.0\], wanted 1"),
        ({"color_matrix": np.eye(3) * 1.01}, "color_matrix has rows that sum to"),
        ({"color_matrix": [[1e10, -1e10, 1], [0, 1, 0], [0, 0, 1]]}, "has to be written, wanted at most 2147483647"),
        ({"white_balance": (1e-7, 1, 1)}, "wanted gains of R and B within a million times that of G"),
    ],
)
def test_what_a_dng_cannot_hold_is_refused(tmp_path, more, reason):
    with pytest.raises(ValueError, match=reason):
        write_dng(tmp_path / "a.dng", numbers(), **{**LEVELS, **more})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("write", [lambda path, a: write_dng(path, a, **LEVELS), write_npy])
@pytest.mark.parametrize(
    ("mosaic", "problem", "reason"),
    [
        (numbers().astype(np.int32), TypeError, "mosaic is int32, wanted a NumPy array of uint16"),
        (numbers().astype(np.float32), TypeError, "mosaic is float32"),
        (numbers().tolist(), TypeError, "mosaic is list"),
        (numbers()[None], ValueError, r"mosaic has shape \(1, 64, 72\), wanted \(row, col\)"),
        (numbers()[:0], ValueError, "mosaic has shape"),
    ],
)
def test_what_is_no_mosaic_is_refused(tmp_path, write, mosaic, problem, reason):
    for name in ("a.dng", "a.npy"):
        with pytest.raises((problem, ValueError), match=f"{reason}|does not end in"):
            write(tmp_path / name, mosaic)
    assert not list(tmp_path.iterdir())


def test_names_and_sides_are_checked(tmp_path):
    with pytest.raises(ValueError, match=r"a\.tiff does not end in \.dng"):
        write_dng(tmp_path / "a.tiff", numbers(), **LEVELS)
    with pytest.raises(ValueError, match="mosaic is 21x72, wanted sides of at least 22"):
        write_dng(tmp_path / "a.dng", numbers()[:21], **LEVELS)
    write_dng(tmp_path / "a.dng", numbers()[:22, :22], **LEVELS)
    assert np.array_equal(read_raw(tmp_path / "a.dng").mosaic, numbers()[:22, :22])


def test_npy_is_the_array(tmp_path):
    write_npy(tmp_path / "a.npy", numbers())
    assert np.array_equal(np.load(tmp_path / "a.npy", allow_pickle=False), numbers())


@pytest.mark.parametrize("suffix", ["dng", "npy"])
def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch, suffix):
    target = tmp_path / f"a.{suffix}"
    target.write_bytes(b"old")

    def fail(file, *args, **kwargs):
        file.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(tags.tifffile, "imwrite", fail)
    monkeypatch.setattr(np, "save", fail)
    with pytest.raises(OSError, match="no space left"):
        write_dng(target, numbers(), **LEVELS) if suffix == "dng" else write_npy(target, numbers())
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    assert target.read_bytes() == b"old"


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_dng(path / "a.dng", numbers(), **LEVELS),
        lambda path: write_npy(path / "a.dng.npy", numbers()),
    ],
)
def test_a_missing_folder_is_said_of_the_file_that_was_asked_for(tmp_path, write):
    with pytest.raises(FileNotFoundError) as caught:
        write(tmp_path / "nowhere")
    assert str(caught.value.filename).startswith(str(tmp_path / "nowhere" / "a.dng"))
    assert "partial" not in str(caught.value)


# --- damage


def test_a_file_cut_anywhere_is_refused(tmp_path):
    write_dng(tmp_path / "a.dng", numbers(), **LEVELS)
    content = (tmp_path / "a.dng").read_bytes()
    read_raw(content)
    for length in [*range(0, 800, 9), *range(800, len(content), 397), *range(len(content) - 8, len(content))]:
        with pytest.raises(ValueError, match="empty|no RAW file|ends too early"):
            read_raw(content[:length])


def test_a_dng_whose_tags_are_damaged_is_refused(tmp_path):
    """Type or count of any one entry: LibRaw opens some such files still, in BGGR and with levels of its own order."""
    levels = {**LEVELS, "black": (60, 61, 62, 63)}
    write_dng(tmp_path / "a.dng", numbers(), **levels, active_area=(9, 11, 64, 72))
    content = (tmp_path / "a.dng").read_bytes()
    opened, refused = 0, 0
    for entry in range(10, 10 + 12 * int.from_bytes(content[8:10], "little"), 12):
        for place, value in ((2, 0), (2, 13), (2, 200), (4, 0), (4, 200), (7, 255)):
            broken = bytearray(content)
            broken[entry + place] = value
            try:
                read_raw(bytes(broken))
            except ValueError as problem:
                refused += "tags are damaged" in str(problem)
                continue
            opened += 1
            stated = tags.read_tags(bytes(broken))
            assert tags.is_dng(stated), (entry, place, value)
            assert tags.END in stated, (entry, place, value)
    assert opened > 10
    assert refused > 10


@pytest.mark.parametrize("cfa", ["GRBG", XTRANS])
def test_flipped_bytes_give_an_image_or_a_reason(tmp_path, cfa):
    """In a process of its own, so that a crash or a hang of LibRaw fails this test and no other."""
    write_dng(tmp_path / "a.dng", numbers(), **{**LEVELS, "cfa": cfa}, noise_profile=[NLF(1e-3, 1e-6)])
    code = """
import sys, numpy as np
from camnoise.raw import read_raw
whole, said = open(sys.argv[1], "rb").read(), {True: 0, False: 0}
for seed in range(150):
    rng, content = np.random.default_rng(seed), bytearray(whole)
    for place in rng.integers(0, 700, rng.integers(1, 4)):
        content[place] = rng.integers(256)
    try:
        read_raw(bytes(content)).scene()
        said[True] += 1
    except ValueError as problem:
        said[False] += 1
        assert str(problem) and "\\n" not in str(problem)
print(*said.values())
"""
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.dng")], capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr[-2000:]
    opened, refused = map(int, run.stdout.split())
    assert min(opened, refused) > 10, "the damage is too small or too large to say anything"
