"""Do intervals of 95 % cover the truth in 95 of 100 cameras?

903 to 986 of 1,000 is issue 5's bound; an interval that covers at 0.95 fails it by chance less than once in 10^6.
The default run has 20 cameras and bounds that such intervals miss once in 10^4: it sees what is grossly wrong.
"""

from collections import defaultdict

import numpy as np
import pytest
from scipy import stats
from shooting import sensor, session

from camnoise import GaussianRead, StudentTRead, TukeyLambdaRead
from camnoise.calibrate.sensor import calibrate


def cameras(count: int, seed: int) -> dict[str, list[bool]]:
    """Which truths the intervals of cameras of chance cover, by the name of the number."""
    covered: dict[str, list[bool]] = defaultdict(list)
    for scene in range(count):
        draw = np.random.Generator(np.random.Philox(key=[seed, scene]))
        bits = int(draw.choice([10, 12, 14, 16]))
        full = 2.0**bits - 1
        sigma = float(np.exp(draw.uniform(np.log(0.8), np.log(full / 400 + 1.5))))
        K = float(np.exp(draw.uniform(np.log(full / 30_000), np.log(full / 600))))
        black = round(full * 0.06 + 12 * sigma)
        lam, nu = float(draw.uniform(-0.25, 0.14)), float(draw.uniform(4.5, 15))
        laws = GaussianRead(sigma=sigma), TukeyLambdaRead(sigma=sigma, lam=lam), StudentTRead(sigma=sigma, nu=nu)
        read = laws[int(draw.choice([0, 1, 1, 2]))]
        row, col, dsnu = (sigma * float(draw.uniform(low, high)) for low, high in ((0.05, 0.6), (0.05, 0.6), (0.1, 1)))
        prnu, bias = float(draw.uniform(0.003, 0.02)), tuple(float(b) * sigma * 0.3 for b in draw.normal(size=4))
        camera = sensor(
            **{"K": K, "read": read, "row": row, "col": col, "dsnu": dsnu, "prnu": prnu},
            **{"bias": bias, "black": black, "bits": bits},
        )
        frames = int(draw.choice([6, 8, 10]))
        options = {"side": (48, 56), "scene": scene, "body": f"body {seed} {scene}"}
        flats, darks = session(camera, (0.05, 0.15, 0.3, 0.5, 0.7), frames, **options)
        found = calibrate(flats, darks, cfa="RGGB", bits=bits, black=black)
        point = found.point
        assert point is not None, found.notes
        truths = {"K": K, "sigma_row": row, "sigma_col": col, "sigma_dsnu": dsnu, "sigma_prnu": prnu}
        truths |= dict(zip(("bias_R", "bias_G1", "bias_G2", "bias_B"), bias, strict=True))
        pairs = [(name, getattr(point, name), true) for name, true in truths.items()]
        pairs.append(("sigma_read", point.read.sigma, sigma))
        if isinstance(read, TukeyLambdaRead):
            pairs.append(("lam", found.read.fit("tukey_lambda").shape, lam))
        for name, estimate, true in pairs:
            covered[name].append(estimate.low <= true <= estimate.high)
    return covered


@pytest.mark.slow  # 1 to 2 minutes
def test_intervals_cover_what_they_say():
    for name, hits in cameras(1000, seed=1).items():
        share = len(hits) / 1000  # lam: of the cameras that have one
        assert 903 * share <= sum(hits) <= 986 * share, (name, sum(hits), len(hits))


def test_intervals_are_not_grossly_wrong():
    covered = cameras(20, seed=2)
    least = {n: int(stats.binom.ppf(1e-4 / 12, n, 0.95)) for n in range(1, 21)}
    for name, hits in covered.items():
        assert sum(hits) >= least[len(hits)], (name, sum(hits), len(hits))
    # All together they are over 200 intervals: not all of them may cover either.
    everything = [hit for hits in covered.values() for hit in hits]
    assert not all(everything)
