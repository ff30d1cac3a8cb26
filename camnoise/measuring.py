"""The commands that measure: real frames in, numbers out. Nothing heavy is imported before one runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import files
from .terminal import complain, say

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .calibrate.session import Session
    from .calibrate.single import Single
    from .camera import Camera
    from .fidelity import Exposures

FAILED, UNLIKE = 1, 3
_PHOTOGRAPHS = (".png", ".jpg", ".jpeg", ".tif", ".tiff")


def calibrate(
    flats: Annotated[Path | None, typer.Option(help="Folder of evenly lit frames, several of each brightness.")] = None,
    darks: Annotated[Path | None, typer.Option(help="Folder of frames without light, several of each time.")] = None,
    biases: Annotated[
        Path | None, typer.Option(help="Folder of the shortest darks; without it the shortest of --darks serve.")
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", help="Instead: one RAW or DNG (optical black, flat patches), or one photograph."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The camera file to write, .json.")] = None,
    report: Annotated[Path | None, typer.Option(help="The report to write, .html.")] = None,
    maps: Annotated[
        Path | None, typer.Option(help="The maps of PRNU and DSNU to write, .npz: prnu_iso800, dsnu_iso800, ...")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the camera. Default: that of --out.")] = None,
    cfa: Annotated[str | None, typer.Option(help="Filter tile at the frames' (0, 0), such as RGGB, or mono.")] = None,
    bits: Annotated[int | None, typer.Option(min=1, max=16, help="Of the converter.")] = None,
    iso: Annotated[float | None, typer.Option(min=0.01, help="Of frames that do not say theirs.")] = None,
    black: Annotated[float | None, typer.Option(min=0, help="Black level, DN. Default: that of the darks.")] = None,
    white: Annotated[float | None, typer.Option(min=1, help="White level, DN. Default: the files'.")] = None,
    crop: Annotated[int, typer.Option(min=0, help="Side of the frames' middle that is used; 0 uses all.")] = 1024,
    patch: Annotated[
        list[str] | None, typer.Option(help="With --from: a flat patch, ROW,COL,ROWS,COLS; may be repeated.")
    ] = None,
) -> None:
    """Measure a camera from its frames, and write it as a camera file.

    Frames are RAW files, or uint16 arrays (.npy) whose ISO is in a folder's name: flats/iso800/level1.npy.
    """
    _check_outputs(out, report, maps)
    called = name or (out.stem if out is not None else "my_camera")
    folders = [folder for folder in (flats, darks, biases) if folder is not None]
    if source is not None:
        if folders:
            raise ValueError(f"--from {str(source)!r} came with folders, wanted one or the other")
        stray = {"--maps": maps, "--cfa": cfa, "--bits": bits, "--iso": iso, "--black": black, "--white": white}
        given = [option for option, value in stray.items() if value is not None]
        if given:
            raise ValueError(f"{given[0]} came with --from, wanted only --patch: the file says the rest")
        _from_file(source, out, report, called, patch or [])
        return
    if patch:
        raise ValueError("--patch came without --from, wanted a single RAW file that it lies in")
    for option, path in (("--out", out), ("--report", report), ("--maps", maps)):
        if path is not None and any(_inside(path, folder) for folder in folders):
            raise ValueError(f"{option} {str(path)!r} lies among the frames, wanted a place outside their folders")
    from .calibrate.facts import Facts
    from .calibrate.session import measure

    tile = None if cfa is None or cfa.lower() == "mono" else cfa.upper()
    found = measure(
        flats,
        darks,
        biases,
        name=called,
        given=Facts(cfa=tile, bits=bits, black=black, white=white),
        cfa_given=cfa is not None,
        iso=iso,
        crop=crop,
    )
    _tell_session(found)
    if report is not None:
        from .calibrate.report import session_page

        _write(report, session_page(found, called).encode(), "--report")
        say(f"{report}: report")
    if maps is not None:
        _write_maps(maps, found)
    if found.camera is None:
        complain("no camera: one ISO must have both flats and darks that give a gain and read noise")
        raise typer.Exit(FAILED)
    if out is not None:
        _write(out, found.camera.model_dump_json(indent=2).encode() + b"\n", "--out")
        say(f"{out}: camera {called}, {len(found.camera.points)} ISO")


def compare(
    real: Annotated[Path, typer.Argument(help="Frames of one scene, or folders of several: RAW files or .npy.")],
    simulated: Annotated[str, typer.Argument(help="Likewise; or a camera: its name, its file, a Pipeline as JSON.")],
    iso: Annotated[
        float | None, typer.Option(min=0.01, help="Of the frames and the camera. Default: the files'.")
    ] = None,
    black: Annotated[
        float | None, typer.Option(min=0, help="Black level, DN. Default: the files', the camera's.")
    ] = None,
    white: Annotated[float | None, typer.Option(min=1, help="White level, DN, likewise.")] = None,
    cfa: Annotated[str | None, typer.Option(help="Filter tile at .npy frames' (0, 0), such as RGGB.")] = None,
    patch: Annotated[
        list[str] | None, typer.Option(help="A flat patch of one exposure, ROW,COL,ROWS,COLS; may be repeated.")
    ] = None,
    alpha: Annotated[float, typer.Option(min=1e-4, max=0.5, help="Chance that a perfect simulation fails.")] = 0.01,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Of the simulated noise.")] = 0,
    out: Annotated[Path | None, typer.Option(help="The report (.html) or the numbers (.json) to write.")] = None,
) -> None:
    """Hold simulated frames, or a camera, against real frames. Exit code 3 when they differ more than exposures do.

    .npy files are (row, col), exposures of one scene in one folder, or (frame, row, col), a scene of their own.
    """
    from functools import partial
    from math import ceil

    from .calibrate.single import not_flat
    from .fidelity import Patch, read_exposures, write_report
    from .fidelity import compare as comparison
    from .fidelity.cameras import camera_of, stated_by
    from .fidelity.files import one_iso
    from .fidelity.writing import check_out

    if out is not None:
        check_out(out)
    patches = [Patch(*_rectangle(text)) for text in patch or []]
    is_frames = Path(simulated).exists() and Path(simulated).suffix.lower() != ".json"
    stated = None if is_frames else stated_by(simulated)
    levels = (None, None) if stated is None else (stated.black, stated.white)
    tile = cfa.upper() if cfa is not None else None
    read = partial(read_exposures, black=black, white=white, patches=patches, iso=iso, root=real.name or str(real))
    scenes = read(real, cfa=tile, levels=levels, camera_cfa=None if stated is None else stated.cfa)
    said = one_iso(scenes, str(real))
    for scene in scenes:
        for note in not_flat(scene.frames[0], scene.cfa, scene.patches):
            say(f"note: {note}")
    other: list[Exposures] | Camera
    if stated is None:
        other = read(Path(simulated), cfa=tile)
        made = one_iso(other, simulated)
        if said is not None and made is not None and made != said:
            raise ValueError(f"frames of {str(real)!r} are at ISO {said:g}, those of {simulated!r} at {made:g}")
    else:
        other = camera_of(simulated, said if iso is None and stated.has_iso else iso, scenes[0])
    outcome = comparison(scenes, other, alpha=alpha, seed=seed, swaps=max(1999, ceil(10 / alpha)))
    named = Path(simulated).name if is_frames else outcome.simulated
    outcome = outcome.model_copy(update={"real": real.name or str(real), "simulated": named or simulated})
    for line in outcome.table().splitlines():
        say(line)
    if out is not None:
        write_report(outcome, out)
        say(f"{out}: {outcome.summary()}")
    if not outcome.passes:
        complain(outcome.summary())
        raise typer.Exit(UNLIKE)
    if out is None:
        say(outcome.summary())


def _from_file(source: Path, out: Path | None, report: Path | None, name: str, patches: list[str]) -> None:
    from .calibrate.report import single_page

    found = _read_single(source, patches)
    _tell_single(found)
    nlf = found.nlf()
    if found.point is None and nlf is None:
        complain(f"{str(source)!r} gives neither a camera nor a noise level function: nothing is written")
        raise typer.Exit(FAILED)
    if report is not None:
        _write(report, single_page(found, name).encode(), "--report")
        say(f"{report}: report")
    if out is None:
        return
    if found.point is not None:
        _write(out, found.camera(name, name).model_dump_json(indent=2).encode() + b"\n", "--out")
        say(f"{out}: camera {name}")
    elif nlf is not None:
        from .light import Linearize
        from .nlf import Heteroscedastic
        from .pipeline import Pipeline

        noise = Heteroscedastic(lambda_shot=nlf.lambda_shot, lambda_read=nlf.lambda_read)
        chain = Pipeline([Linearize(), noise], name=name)
        _write(out, chain.model_dump_json(indent=2).encode() + b"\n", "--out")
        say(f"{out}: no camera, so a noise level function for --pipeline: of photographs, on their linear light")


def _read_single(source: Path, patches: list[str]) -> "Single":
    from .calibrate.single import from_photograph, from_raw

    rectangles = [_rectangle(text) for text in patches] or None
    if source.suffix.lower() not in _PHOTOGRAPHS:
        from .raw import read_raw

        return from_raw(read_raw(source), source.name, rectangles=rectangles)
    if rectangles is not None:
        raise ValueError("--patch came with a photograph that is no RAW file, wanted a RAW file")
    return from_photograph(_planes(source), source.name)


def _planes(source: Path) -> "list[NDArray[np.float64]]":
    """Linear light of an sRGB photograph."""
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(source) as image:
            deep = image.mode.startswith("I;16") or image.mode == "I"
            values = np.asarray(image if deep else image.convert("L" if image.mode in "1L" else "RGB"), np.float64)
    except UnidentifiedImageError:
        raise ValueError(f"--from {str(source)!r} is no photograph that Pillow knows, and no RAW file") from None
    encoded = values / (65535.0 if deep else 255.0)
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return [linear] if linear.ndim == 2 else [linear[..., i] for i in range(3)]


def _rectangle(text: str) -> tuple[int, int, int, int]:
    try:
        row, col, rows, cols = (int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"--patch is {text!r}, wanted ROW,COL,ROWS,COLS in pixels") from None
    return row, col, rows, cols


def _tell_session(found: "Session") -> None:
    from .calibrate.table import notes_of, rows_of, text

    for line in found.inputs:
        say(line)
    for iso, one in zip(found.isos, found.calibrations, strict=True):
        say("" if iso is None else f"ISO {iso:g}")
        for line in text(rows_of(one, None if found.camera is None else found.camera.black)):
            say(line)
    for note in notes_of(found):
        say(f"note: {note}")


def _tell_single(found: "Single") -> None:
    from .calibrate.table import minus, rows_of_single, text

    for line in text(rows_of_single(found)):
        say(line)
    if found.profile:
        for plane in found.profile:
            say(f"NoiseProfile of the file: lambda_shot {plane.lambda_shot:.4g}, lambda_read {plane.lambda_read:.4g}")
    for note in found.notes:
        say(f"note: {minus(note)}")


def _check_outputs(out: Path | None, report: Path | None, maps: Path | None) -> None:
    """Before anything is computed."""
    for option, path, suffix in (("--out", out, ".json"), ("--report", report, ".html"), ("--maps", maps, ".npz")):
        if path is None:
            continue
        if path.suffix.lower() != suffix:
            raise ValueError(f"{option} {str(path)!r} does not end in {suffix}, which is what is written")
        if path.is_dir() or not path.parent.is_dir():
            wrong = "is a folder" if path.is_dir() else f"lies in {str(path.parent)!r}, which is no folder"
            raise ValueError(f"{option} {str(path)!r} {wrong}, wanted a file to write")


def _inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _write_maps(path: Path, found: "Session") -> None:
    """PRNU as a fraction of the signal and DSNU in DN, (row, col) of the middle of the frames that was used."""
    import io

    import numpy as np

    arrays: dict[str, Any] = {}
    for iso, one in zip(found.isos, found.calibrations, strict=True):
        for kind, pattern in (("prnu", one.prnu), ("dsnu", one.dsnu)):
            if pattern is not None:
                arrays[kind if iso is None else f"{kind}_iso{iso:g}"] = pattern.map.astype(np.float32)
    if not arrays:
        raise ValueError(f"--maps {str(path)!r} has nothing to hold: the frames give neither PRNU nor DSNU")
    data = io.BytesIO()
    np.savez(data, **arrays)
    _write(path, data.getvalue(), "--maps")
    say(f"{path}: {', '.join(sorted(arrays))}")


def _write(path: Path, data: bytes, option: str) -> None:
    """Whole or not at all."""
    try:
        files.write(path, data)
    except OSError as error:
        raise ValueError(f"{option} {str(path)!r} could not be written: {error.strerror}") from error
