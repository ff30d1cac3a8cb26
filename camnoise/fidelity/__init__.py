"""How far a simulation is from the real camera: real frames against a pipeline's, line by line.

    outcome = compare(read_exposures("flats"), presets.load("sony_a7s2", iso=6400))
    print(outcome.table())
    write_report(outcome, Path("report.html"))

Every line measures one thing (the law of the noise at a level of light, the photon transfer, rows, columns, neighbors,
tails) and holds it against what repeated exposures of one camera differ by, so that it reads "1.3 times the floor". A
simulation passes when no line is beyond that, with a stated chance that a perfect one fails.
"""

from collections.abc import Sequence

from ..camera import Camera
from ..pipeline import Pipeline
from .comparing import ALPHA, SWAPS, measure
from .exposures import Exposures, Patch
from .files import read_exposures
from .outcome import Fidelity, Line
from .regions import WINDOW
from .simulating import at_levels_of, simulate
from .writing import write_report

__all__ = ["ALPHA", "Exposures", "Fidelity", "Line", "Patch", "compare", "read_exposures", "simulate", "write_report"]


def compare(
    real: Exposures | Sequence[Exposures],
    simulated: Exposures | Sequence[Exposures] | Camera,
    *,
    alpha: float = ALPHA,
    seed: int = 0,
    swaps: int = SWAPS,
) -> Fidelity:
    """Measures a simulation against real frames.

    Args:
        real: frames of one static scene, or of several (flats at several levels, darks); with patches, one frame will
            do, and the noise is then what is left of flat patches, the sensor's response (PRNU) with it.
        simulated: frames of the same scenes under the same names (one scene needs no name), or a camera that ends in
            raw DN, which then exposes the real frames' clean estimate: see `simulate`.
        alpha: the chance that a perfect simulation fails, over all lines together.
        seed: of the simulated noise and of the swaps.
        swaps: how many times the bands of real and simulated frames change places by chance.

    Light must not change between exposures. Rows and columns are taken from the residuals of pixels and have lines
    of their own. Where row noise drifts over a good part of the frame, or is a wave whose phase is new in each of few
    exposures, two sets of exposures differ by more than is allowed for here, and even equal cameras may fail: in the
    means, and in the rows.

    Returns:
        The lines with their verdicts, and the curves that figures are drawn from.

    Raises:
        ValueError: scenes that do not match, too few frames or rows, a camera that gives no raw DN.
    """
    scenes = [real] if isinstance(real, Exposures) else list(real)
    if not scenes:
        raise ValueError("real holds no frames, wanted exposures of at least one scene")
    exposed = isinstance(simulated, Camera)
    if isinstance(simulated, Camera):
        if not isinstance(simulated, Pipeline):
            raise ValueError(f"simulated is a {type(simulated).__name__}, wanted one Pipeline: one camera, one setting")
        scenes = [scene.windowed(WINDOW) for scene in scenes]
        name, others = f"{simulated.name}, seed {seed}", [simulate(scene, simulated, seed=seed) for scene in scenes]
        scenes = [at_levels_of(simulated, scene, seed=seed) for scene in scenes]
    else:
        others = [simulated] if isinstance(simulated, Exposures) else list(simulated)
        name = ", ".join(other.name for other in others)
        others = _matched(scenes, others)
    return measure(scenes, others, simulated_name=name, exposed=exposed, alpha=alpha, seed=seed, swaps=swaps)


def _matched(scenes: Sequence[Exposures], others: Sequence[Exposures]) -> list[Exposures]:
    """The simulated scene of each real one."""
    if len(scenes) == len(others) == 1:
        return list(others)
    named = {other.name: other for other in others}
    missing = [scene.name for scene in scenes if scene.name not in named]
    if missing:
        raise ValueError(f"simulated has no frames of {missing[0]!r}, wanted those of {', '.join(sorted(named))}")
    return [named[scene.name] for scene in scenes]
