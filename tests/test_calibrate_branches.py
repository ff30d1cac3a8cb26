"""Laws across ISOs, and the camera file that holds what was measured."""

import json

import numpy as np
import pytest

from camnoise import Pipeline, presets
from camnoise.calibrate.gain_branches import gain_laws
from camnoise.estimate import Estimate
from camnoise.presets.measured import MeasuredCamera, Point, ReadNoise


def known(value: float) -> Estimate:
    return Estimate(value=value, low=value, high=value)


def point(iso: float, K: float, sigma: float, row: float, lam: float = 0.0) -> Point:
    return Point(
        iso=iso,
        K=known(K),
        read=ReadNoise(law="tukey_lambda", sigma=known(sigma), shape=known(lam)),
        sigma_row=known(row),
    )


def a7s2() -> list[Point]:
    """The published table of a camera that switches its conversion gain between ISO 1600 and 2000."""
    return [point(iso, t["K"], t["sigma_read"], t["sigma_row"], t["lam"]) for iso, t in presets.settings("sony_a7s2")]


def one_line(scatter: float, seed: int, n: int = 12) -> list[Point]:
    draw = np.random.Generator(np.random.Philox(seed))
    gains = 0.1 * 2.0 ** np.arange(n)
    read, row = (np.exp(0.6 * np.log(gains) + b + scatter * draw.normal(size=n)) for b in (1.0, -0.5))
    return [point(100.0 * 2**i, k, s, r) for i, (k, s, r) in enumerate(zip(gains, read, row, strict=True))]


def test_the_branch_point_of_a_real_table_is_found():
    laws = gain_laws(a7s2())
    assert [branch.iso[1] for branch in laws.branches] == [1600, 25600]
    assert laws.branches[1].iso[0] == 2000
    # From ISO 250 on, where a floor of the converter no longer counts, the points lie close to their lines.
    upper = [p for p in a7s2() if p.iso >= 250]
    apart = gain_laws(upper).branches
    assert [branch.iso for branch in apart] == [(250, 1600), (2000, 25600)]
    assert max(branch.sigma_read.scatter for branch in apart) < 0.05
    gains, sigmas = (np.log([f(p) for p in upper]) for f in (lambda p: p.K.value, lambda p: p.read.sigma.value))
    one = np.polyfit(gains, sigmas, 1)
    assert (sigmas - np.polyval(one, gains)).std() > 0.2  # the twin: known mistake 23
    assert laws.iso_exponent.value == pytest.approx(1.0, abs=1e-3)


def test_one_branch_is_not_split():
    """200 cameras at a chance of 1e-3: 4 or more splits come once in 20,000 times."""
    split = sum(len(gain_laws(one_line(0.05, seed)).branches) > 1 for seed in range(200))
    assert split < 4


def test_a_switch_is_seen_through_scatter():
    points = [
        p if i < 6 else point(p.iso, p.K.value, p.read.sigma.value / 2, p.sigma_row.value / 2)
        for i, p in enumerate(one_line(0.05, 1))
    ]
    assert [branch.iso for branch in gain_laws(points).branches] == [(100, 3200), (6400, 204800)]


def test_the_line_and_its_interval():
    """Over 200 cameras the interval of 95 % covers 178 to 200 of them, but for one in a million."""
    covered = sum(
        (e := gain_laws(one_line(0.1, seed)).branches[0].sigma_read.slope).low < 0.6 < e.high for seed in range(200)
    )
    assert 173 <= covered <= 200


def test_too_few_points_are_said():
    assert gain_laws(a7s2()[:2]).branches == ()
    assert "not identifiable: 2 points" in gain_laws(a7s2()[:2]).notes[0]
    laws = gain_laws(one_line(0.0, 0, n=5))
    assert len(laws.branches) == 1
    assert "two branches is not identifiable" in laws.notes[0]


def test_a_gain_that_does_not_follow_iso_is_said():
    points = [point(p.iso, p.K.value**0.8, p.read.sigma.value, p.sigma_row.value) for p in one_line(0.01, 0)]
    assert "not proportional" in " ".join(gain_laws(points).notes)
    assert not gain_laws(one_line(0.01, 0)).notes


def camera(points: list[Point], **more: object) -> MeasuredCamera:
    isos = [p.iso for p in points if p.iso is not None]
    fields = {"iso_range": (isos[0], isos[-1]) if isos else None, "branches": gain_laws(points).branches, **more}
    return MeasuredCamera(
        name="mine",
        title="Mine",
        source="a test",
        licence="mine",
        units="DN",
        cfa="RGGB",
        bits=14,
        black=512.0,
        white=16383.0,
        notes=(),
        points=tuple(points),
        **fields,
    )


def test_between_points_of_a_branch_numbers_are_interpolated():
    mine, theirs = camera(a7s2()), presets.describe("sony_a7s2")
    for iso in (100, 150, 3000):
        got, wanted = (Pipeline(one.sensor(iso)).draw([0]).sample(0) for one in (mine, theirs))
        for name in ("K", "sigma_read", "lam", "sigma_row"):
            assert got[name] == pytest.approx(wanted[name], rel=1e-4), (iso, name)
    ranged = Pipeline(mine.sensor((2000, 6400))).draw(list(range(50)))
    assert 1.9 < float(ranged["K"].min()) < float(ranged["K"].max()) < 6.2


def test_across_branches_nothing_is_interpolated():
    with pytest.raises(
        ValueError, match="ISO is 1800, wanted within one gain branch of mine: 50 to 1600, 2000 to 25600"
    ):
        camera(a7s2()).sensor(1800)
    with pytest.raises(ValueError, match="ISO is 1000-3000"):
        camera(a7s2()).sensor((1000, 3000))
    with pytest.raises(ValueError, match="ISO is None, wanted one of"):
        camera(a7s2()).sensor(None)


def test_the_file_is_a_preset(tmp_path):
    file = tmp_path / "mine.json"
    file.write_text(camera(a7s2()).model_dump_json())
    pipeline = presets.load(str(file), iso=800)
    assert pipeline.draw([0]).sample(0)["sigma_read"] == pytest.approx(
        presets.load("sony_a7s2", iso=800).draw([0]).sample(0)["sigma_read"]
    )
    broken = json.loads(file.read_text())
    broken["points"][0]["read"]["law"] = "gaussian"
    file.write_text(json.dumps(broken))
    with pytest.raises(ValueError, match="law gaussian has a shape"):
        presets.load(str(file), iso=800)


def test_a_single_point_needs_no_iso():
    mine = camera([a7s2()[0].model_copy(update={"iso": None})])
    assert [stage.kind for stage in mine.sensor()] == ["gain", "tukey_lambda_read", "banding"]
    assert mine.isos() == []
    with pytest.raises(ValueError, match="ISO is 100, wanted None"):
        mine.sensor(100)


def test_points_out_of_order_are_refused():
    with pytest.raises(ValueError, match="wanted them ascending"):
        camera(a7s2()[::-1], iso_range=(50, 25600))


def test_heavy_tails_of_one_law_in_the_words_of_another():
    """Excess kurtosis 1.2: logistic, and Student t of nu = 9 (methods.md 1.4)."""
    read = ReadNoise(law="student_t", sigma=known(1.0), shape=known(9.0))
    assert read.lam() == pytest.approx(0.0, abs=1e-3)
    assert ReadNoise(law="gaussian", sigma=known(1.0)).lam() == pytest.approx(0.135, abs=1e-3)
    assert read.stage().kind == "student_t_read"


def switched(below: int, points: int) -> list[Point]:
    """Read and row noise halve below the switch."""
    return [
        p if i >= below else point(p.iso, p.K.value, p.read.sigma.value / 2, p.sigma_row.value / 2)
        for i, p in enumerate(one_line(0.01, 1, n=points))
    ]


@pytest.mark.parametrize("below", [1, 2])
@pytest.mark.parametrize("points", [6, 8])
def test_a_switch_after_one_or_two_settings_is_seen(below, points):
    laws = gain_laws(switched(below, points))
    assert [branch.iso[1] for branch in laws.branches] == [100.0 * 2 ** (below - 1), 100.0 * 2 ** (points - 1)]
    assert laws.branches[0].sigma_read is None
    assert laws.branches[1].sigma_read.scatter < 0.03
    mine = camera(switched(below, points))
    with pytest.raises(ValueError, match="wanted within one gain branch of mine"):
        mine.sensor(100 * 2 ** (below - 1) * 1.4)
    assert mine.sensor(100.0)[0].K == pytest.approx(0.1)
    assert MeasuredCamera.from_json(mine.model_dump_json()) == mine


def test_a_switch_among_too_few_points_leaves_a_note():
    measured = [
        p.model_copy(update={"read": ReadNoise(law="gaussian", sigma=Estimate.of(p.read.sigma.value, 0.01))})
        for p in switched(2, 4)
    ]
    assert "off its line, more than its intervals explain" in " ".join(gain_laws(measured).notes)
    straight = [
        p.model_copy(update={"read": ReadNoise(law="gaussian", sigma=Estimate.of(p.read.sigma.value, 0.01))})
        for p in switched(0, 4)
    ]
    assert "off its line" not in " ".join(gain_laws(straight).notes)


def test_the_gain_is_interpolated_in_logarithms():
    """K that goes as ISO^0.8: a straight line between 100 and 400 would be 9 % off at 200."""
    points = [point(iso, iso**0.8, 5.0, 1.0) for iso in (100.0, 400.0, 1600.0)]
    assert Pipeline(camera(points).sensor(200)).draw([0]).sample(0)["K"] == pytest.approx(200**0.8, rel=1e-4)


def test_columns_are_of_the_kind_that_is_larger():
    for fixed, temporal, kind in ((0.2, 0.5, "temporal"), (0.5, 0.2, "fixed"), (None, None, "fixed")):
        columns = {"sigma_col": fixed and known(fixed), "sigma_col_temporal": temporal and known(temporal)}
        mine = camera([p.model_copy(update=columns) for p in one_line(0.0, 0, n=4)])
        for iso in (100, 150):
            banding = mine.sensor(iso)[-1]
            got = Pipeline(mine.sensor(iso)).draw([0]).sample(0)["sigma_col"]
            assert (banding.columns, got) == (kind, pytest.approx(max(fixed or 0, temporal or 0)))


def test_what_grows_with_time_goes_in_where_the_time_is_said():
    numbers = {"dark_current": 5.0, "dark_spread": 0.3, "hot_fraction": 0.01, "hot_current": 70.0}
    mine = camera([point(100, 1.0, 5.0, 1.0).model_copy(update={name: known(x) for name, x in numbers.items()})])
    drawn = mine.pipeline(100, seconds=4.0).draw([0]).sample(0)
    for name, value in (numbers | {"exposure_time": 4.0}).items():
        assert drawn[name] == pytest.approx(value), name
    assert not {"dark_current", "hot_current"} & {*mine.pipeline(100).draw([0]).sample(0)}
