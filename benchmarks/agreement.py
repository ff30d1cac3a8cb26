"""Whether competitors make the same noise, asked before anything is timed."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from peers import Peer, plane, reason
from scenes import LIGHT, Scene, by_reference, exposure
from sensor_chains import TAILS, Sensor

from camnoise.flat import Flat
from camnoise.testing import estimates
from camnoise.testing.bounds import ALPHA
from camnoise.testing.estimates import Field
from camnoise.testing.flat_fields import SITES, expected, site_names
from camnoise.testing.report import Finding
from camnoise.testing.verdicts import signed, spread

Failed = dict[str, str]  # the reason, by competitor


def in_one_pass(device: str) -> str:
    """What our chain says of how it runs on a device.

    Raises:
        SystemExit: by the torch code, so that there is no kernel to measure.
    """
    said = Sensor(ratio=2.0).camera().explain(device)
    if "one pass" not in said:
        sys.exit(f"no kernel is there to measure: {said}")
    return said


def same_bits(name: str, scene: Scene) -> None:
    """Kernel and reference, of every tail, and of an odd size.

    Raises:
        SystemExit: they differ; nothing is worth timing then.
    """
    rows, cols = scene.images.shape[2:]
    for part in (scene, scene.cut(rows - 3, cols - 2)):
        for tail in TAILS:
            run = exposure(part, tail)
            kernel, plain = run(), by_reference(run)()
            if not torch.equal(kernel.view(torch.int32), plain.view(torch.int32)):
                sys.exit(f"kernel and reference differ in {int((kernel != plain).sum())} pixels: {name}, {tail}")


def same_moments(name: str, flat: Scene, peers: Mapping[str, Peer], failed: Failed) -> list[dict[str, Any]]:
    """Flat fields of everyone against what is stated; a peer that strays is left out from then on.

    Raises:
        SystemExit: ours stray.
    """
    camera, ids = flat.sensor.camera(), count()
    drawn = camera.draw([0]).sample(0)
    chain = tuple(expected(camera, LIGHT, drawn, site) for site in SITES)
    found = findings(f"camnoise, {name}", lambda: plane(camera(flat.images, [next(ids)])), chain)
    if wrong := failures(found):
        sys.exit("; ".join(wrong))
    for who, peer in peers.items():
        if peer.states is None or who in failed:
            continue
        with recorded(who, failed):
            run, stated = peer.make(flat), peer.states(flat.sensor, LIGHT)
            theirs = findings(f"{who}, {name}", lambda run=run, of=peer.linear: of(run()), stated or chain)
            if wrong := failures(theirs):
                raise AssertionError(wrong[0])
            found += theirs
    return [finding._asdict() for finding in found]


def findings(who: str, expose: Callable[[], NDArray[np.float64]], flats: tuple[Flat, ...]) -> list[Finding]:
    """Mean, variance of pixels and variance of rows of two exposures of a flat field, with the bounds of the kit.

    Args:
        who: exposes.
        expose: gives (row, col) in linear light, new at every call.
        flats: what is stated of each site of an RGGB mosaic, or of all pixels alike.
    """
    mosaic = len(flats) > 1
    tile = site_names("RGGB")[1] if mosaic else np.zeros((2, 2))
    field = Field(expose()[None], expose()[None], (flats,), tile)
    sites = {f"mean of {site}": number for number, site in enumerate(SITES)} if mosaic else {"mean": 0}
    means = {what: partial(estimates.mean, site=site) for what, site in sites.items()}
    spreads = {"variance of pixels": estimates.pixel, "variance of rows": estimates.row}
    found = [signed(f"{who}: {what}", [of(field, 0)], ALPHA, field.grain) for what, of in means.items()]
    return found + [spread(f"{who}: {what}", [of(field, 0)], ALPHA, field.grain**2) for what, of in spreads.items()]


def failures(found: list[Finding]) -> list[str]:
    """What lies outside its bounds, a sentence each."""
    return [str(finding) for finding in found if not finding.holds]


@contextmanager
def recorded(who: str, failed: Failed) -> Iterator[None]:
    """What a peer does wrong is a row of the results, and no end of the benchmark."""
    try:
        yield
    except Exception as error:
        failed[who] = reason(error)
        print(f"{who} is left out: {failed[who]}", file=sys.stderr)
