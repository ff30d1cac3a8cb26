"""Which files are found, under which names, and which images are accepted."""

import errno
import os
import struct
import unicodedata
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from camnoise.pipelines.address import parse
from camnoise.pipelines.folder import Folder
from camnoise.pipelines.images import decode, read_header
from camnoise.pipelines.plan import survey
from camnoise.pipelines.source import Item, Source, SourceError
from PIL import Image
from shard_help import encoded, picture, png, save, shared


def names(folder: Path) -> list[str]:
    return [item.name for item in parse(f"folder:{folder}").items()]


def test_a_folder_is_walked_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b.png", "a/z.JPG", "a/c.d.tiff", "B.jpeg", "a b/ü.tif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    for name in ("notes.txt", ".hidden.png", "a/.git/x.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert names(tmp_path) == ["B.jpeg", "a b/ü.tif", "a/c.d.tiff", "a/z.JPG", "b.png"]


def test_names_are_nfc_whatever_the_disk_has(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "café/naïve.png")
    save(tmp_path / decomposed)
    source = parse(f"folder:{tmp_path}")
    (item,) = source.items()
    assert item.name == unicodedata.normalize("NFC", decomposed) != decomposed
    with source.open(item.name) as file:
        assert len(file.read()) == item.size


def test_two_spellings_of_one_name_are_an_error(tmp_path: Path) -> None:
    for form in ("NFC", "NFD"):
        (tmp_path / unicodedata.normalize(form, "é.png")).write_bytes(b"x")
    with pytest.raises(ValueError, match=r"two files of source folder .* have the name 'é.png'"):
        names(tmp_path)


def test_a_name_that_is_not_utf8_can_be_opened(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff.png"
    Path(os.fsdecode(path)).write_bytes(b"here")
    source = parse(f"folder:{tmp_path}")
    (item,) = source.items()
    assert item.name == "\\xff.png"
    with source.open(item.name) as file:
        assert file.read() == b"here"


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    save(tmp_path / "here" / "a.png")
    (tmp_path / "here" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "there").symlink_to(tmp_path / "here", target_is_directory=True)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    (tmp_path / "a link sorted first").symlink_to(tmp_path / "here", target_is_directory=True)
    assert names(tmp_path) == ["here/a.png"]


def test_a_folder_outside_is_visited_once_at_its_first_link(tmp_path: Path) -> None:
    save(tmp_path / "outside" / "a.png")
    for number in range(12):  # each links to all: as many ways through them as 12! has
        (tmp_path / "outside" / f"to {number}").symlink_to(tmp_path / "in" / str(number), target_is_directory=True)
        (tmp_path / "in" / str(number)).mkdir(parents=True)
        for other in range(12):
            (tmp_path / "in" / str(number) / f"{other}").symlink_to(tmp_path / "in" / str(other))
    for link in ("z", "y"):
        (tmp_path / "in" / link).symlink_to(tmp_path / "outside", target_is_directory=True)
    assert names(tmp_path / "in") == ["y/a.png"]


def test_folders_that_differ_in_normalization_alone_are_both_read(tmp_path: Path) -> None:
    for form, name in (("NFC", "a"), ("NFD", "b")):
        folder = tmp_path / unicodedata.normalize(form, "é")
        folder.mkdir()
        (folder / f"{name}.png").write_bytes(name.encode())
    source = parse(f"folder:{tmp_path}")
    for one in (source, parse(source.location)):  # another process has not listed the folder
        assert [one.open(f"é/{name}.png").read() for name in "ab"] == [b"a", b"b"]
    assert names(tmp_path) == ["é/a.png", "é/b.png"]


def test_a_subfolder_that_cannot_be_listed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "a.png")
    save(tmp_path / "locked" / "b.png")
    scandir = os.scandir

    def guarded(path: Path) -> object:
        if path.name == "locked":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    with pytest.raises(SourceError, match=r"source 'folder:.*' could not be read: Permission denied at '.*locked'"):
        names(tmp_path)


def test_names_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    (tmp_path / "in").mkdir()
    for name in ("../a.png", "x/../../a.png", "b.png"):
        with pytest.raises(FileNotFoundError):
            parse(f"folder:{tmp_path / 'in'}").open(name)


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG])
def test_a_file_at_fault_is_refused(tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    (one,) = survey(failing(tmp_path, number, monkeypatch), [Item("a.png", 1)])
    assert one.refused == f"cannot be opened: {os.strerror(number)}"


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EMFILE, errno.ETIMEDOUT])
@pytest.mark.parametrize("late", [False, True])
def test_a_place_at_fault_is_an_error(tmp_path: Path, number: int, late: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    source = failing(tmp_path, number, monkeypatch, late=late)
    with pytest.raises(SourceError, match=f"could not be read: {os.strerror(number)} at 'a.png'"):
        survey(source, [Item("a.png", 1)])


def failing(folder: Path, number: int, monkeypatch: pytest.MonkeyPatch, late: bool = False) -> Source:
    """A source whose only file cannot be opened, or, when `late`, opened and not read."""

    class Sick(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(number, os.strerror(number))

    def fail(self: object, name: str) -> BytesIO:
        if late:
            return Sick(b"x")
        raise OSError(number, os.strerror(number), name)

    monkeypatch.setattr(Folder, "open", fail)
    return parse(f"folder:{folder}")


def test_what_cannot_be_opened_is_still_an_item(tmp_path: Path) -> None:
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.png")
    source = parse(f"folder:{tmp_path}")
    assert [item.name for item in source.items()] == ["gone.png", "pipe.png"]
    for name in ("gone.png", "pipe.png"):
        with pytest.raises(OSError):  # noqa: PT011 the two have errors of their own
            source.open(name)


@pytest.mark.parametrize(
    ("address", "match"),
    [
        ("voc:/data", "unknown source 'voc:/data': a source is folder:PATH, raw:PATH, pairs:PATH or sample:"),
        ("photos", "unknown source 'photos'"),
        ("folder:", "needs a path"),
        ("sample:cat", "takes nothing after the colon"),
    ],
)
def test_addresses_that_are_wrong(address: str, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        parse(address)


def test_folders_that_are_wrong(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        names(tmp_path / "absent")
    with pytest.raises(ValueError, match="no PNG, JPEG or TIFF file"):
        names(tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ValueError, match="is not a folder"):
        names(tmp_path / "file")


def test_the_sample_photographs_are_real() -> None:
    source = parse("sample:")
    items = source.items()
    assert "sample/astronaut" in [item.name for item in items]
    assert len(items) == 7
    with source.open("sample/astronaut") as file:
        assert decode(file.read()).shape == (3, 512, 512)


def test_colors_come_out_as_they_went_in() -> None:
    rgb = picture()
    want = rgb.transpose(2, 0, 1)
    opaque = np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])
    for kind in ("PNG", "TIFF"):
        assert np.array_equal(decode(encoded(Image.fromarray(rgb), kind)), want)
        assert np.array_equal(decode(encoded(Image.fromarray(opaque), kind)), want), "opaque alpha"
    palette = Image.fromarray(rgb).quantize(8)
    got = decode(encoded(palette))
    assert np.array_equal(got, np.asarray(palette.convert("RGB")).transpose(2, 0, 1))


def test_gray_becomes_three_planes_at_its_own_depth() -> None:
    gray8 = picture()[:, :, 0]
    gray16 = gray8.astype(np.uint16) * 257 + 3
    for gray in (gray8, gray16):
        for kind in ("PNG", "TIFF"):
            got = decode(encoded(Image.fromarray(gray), kind))
            assert got.dtype == gray.dtype
            assert np.array_equal(got, np.stack([gray] * 3))
    assert np.array_equal(decode(png(1, 0, 1, 8, b"\xa5")), [[[255, 0, 255, 0, 0, 255, 0, 255]]] * 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_exif_rotation_is_applied(kind: str) -> None:
    image = Image.fromarray(picture())
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: row 0 is the right side
    data = encoded(image, kind, exif=exif)
    assert not read_header(BytesIO(data)).upright
    assert read_header(BytesIO(encoded(image, kind))).upright
    plain = decode(encoded(image, kind))
    assert np.array_equal(decode(data), np.rot90(plain, -1, axes=(1, 2)))


def test_the_first_picture_of_an_mpo_is_the_photograph() -> None:
    assert read_header(BytesIO(mpo())).format == "JPEG"
    assert np.array_equal(decode(mpo()), decode(encoded(Image.fromarray(picture()), "JPEG")))


def clear_png() -> bytes:
    pixels = np.dstack([picture(), np.full(picture().shape[:2], 255, np.uint8)])
    pixels[3, 4, 3] = 254
    return encoded(Image.fromarray(pixels))


def animated() -> bytes:
    frames = [Image.fromarray(picture(seed=seed)) for seed in (0, 1)]
    return encoded(frames[0], "PNG", save_all=True, append_images=frames[1:])


def pages() -> bytes:
    frames = [Image.fromarray(picture(seed=seed)) for seed in (0, 1)]
    return encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])


def tiff(shape: tuple[int, ...], dtype: type[np.generic], **options: object) -> bytes:
    tifffile = pytest.importorskip("tifffile", reason="comes with scikit-image")
    file = BytesIO()
    tifffile.imwrite(file, np.zeros(shape, dtype), **options)
    return file.getvalue()


def turned_at_the_end() -> bytes:
    """A PNG whose eXIf chunk stands after its pixels."""
    exif = Image.Exif()
    exif[0x0112] = 6
    data = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
    whole = encoded(Image.fromarray(picture()))
    return whole[:-12] + chunk + whole[-12:]


def mpo() -> bytes:
    first, second = (Image.fromarray(picture(seed=seed)) for seed in (0, 1))
    return encoded(first, "MPO", save_all=True, append_images=[second])


REFUSED = {
    "empty": (lambda: b"", "the file is empty"),
    "text": (lambda: b"no image at all", "^not a PNG, JPEG or TIFF image$"),
    "gif": (lambda: encoded(Image.fromarray(picture()), "GIF"), "not a PNG, JPEG or TIFF image"),
    "cmyk": (lambda: encoded(Image.fromarray(picture()).convert("CMYK"), "JPEG"), "mode CMYK is not gray"),
    "float": (lambda: encoded(Image.fromarray(np.zeros((4, 4), np.float32)), "TIFF"), "mode F is not gray"),
    "transparent": (clear_png, "transparent pixels"),
    "color of 16 bits": (lambda: png(16, 2, 2, 4, bytes(48)), "16-bit color"),
    "gray and alpha of 16 bits": (lambda: png(16, 4, 2, 4, bytes(32)), "16-bit color"),
    "planar color of 16 bits": (
        lambda: tiff((3, 8, 8), np.uint16, photometric="rgb", planarconfig="separate"),
        "16-bit color",
    ),
    "white is zero at 16 bits": (lambda: tiff((8, 8), np.uint16, photometric="miniswhite"), "packed or inverted"),
    "signed": (lambda: tiff((8, 8), np.int8, photometric="minisblack"), "its samples are not unsigned integers"),
    "a fourth channel": (
        lambda: tiff((8, 8, 4), np.uint8, photometric="rgb", extrasamples=["unspecified"]),
        "channels beyond color and alpha",
    ),
    "gray and another channel": (
        lambda: tiff(
            (8, 8, 2), np.uint8, photometric="minisblack", extrasamples=["unspecified"], planarconfig="contig"
        ),
        "channels beyond color and alpha",
    ),
    "alpha and another channel": (
        lambda: tiff((8, 8, 5), np.uint8, photometric="rgb", extrasamples=["unassalpha", "unspecified"]),
        "channels beyond color and alpha",
    ),
    "turned after its pixels": (turned_at_the_end, "its EXIF rotation comes after its pixels"),
    "animated": (animated, "holds 2 pictures, one is wanted"),
    "pages": (pages, "holds 2 pictures, one is wanted"),
    "cut jpeg": (lambda: encoded(Image.fromarray(picture(64, 64)), "JPEG")[:-300], "truncated"),
    "cut png": (lambda: encoded(Image.fromarray(picture(64, 64)))[:-3000], "truncated"),
    "bomb": (lambda: png(8, 2, 60_000, 60_000, b""), "decompression bomb"),
    "long": (lambda: png(8, 0, 1, 65_537, bytes(65_537)), "the largest side is 65,536"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_be_guessed_at_is_refused(case: str) -> None:
    make, match = REFUSED[case]
    data = make()
    with pytest.raises(ValueError, match=match) as first:
        decode(data)
    with pytest.raises(ValueError, match=match) as second:
        decode(bytes(bytearray(data)))
    assert str(first.value) == str(second.value), "the reason depends on the run"
    assert "\n" not in str(first.value)


def test_the_longest_side_is_accepted() -> None:
    assert decode(png(8, 0, 1, 65_536, bytes(65_536))).shape == (3, 1, 65_536)


def test_the_truncated_photograph_of_voc_is_refused() -> None:
    folder = shared("layouts/VOCdevkit_mini/VOC2007/JPEGImages")
    with pytest.raises(ValueError, match="truncated"):
        decode((folder / "000001.jpg").read_bytes())
    assert decode((folder / "000002.jpg").read_bytes()).ndim == 3
