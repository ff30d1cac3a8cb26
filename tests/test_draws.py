"""Words and laws, word by word: known answers, golden draws, and every quantile against its oracle.

Run as a script it rewrites golden/draws.json. That is right only together with a raise of
`NOISE_VERSION`: the file says which draws that version stands for.
"""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from words import (
    EDGES,
    as_words,
    edge_and_random_words,
    exact_normal,
    exact_student_t,
    exact_tukey_lambda,
    normal_oracle,
    stated_tail,
    student_t_oracle,
    tukey_lambda_oracle,
    uniform_oracle,
)

from camnoise import distributions, draws, keys, laws, moments
from camnoise.elementary import log
from camnoise.frame import Frame
from camnoise.keys import Key, Lane, Stream
from camnoise.testing.bounds import mean_band
from camnoise.units import Unit

GOLDEN = Path(__file__).parent / "golden" / "draws.json"
SHAPES = (-0.49, -0.35, -0.3, -0.2, -0.05, 0.0, 1e-12, -1e-12, 1e-6, 0.14, 0.5, 1.0, 2.0)
LADDER_RATES = (1e-6, 0.01, 0.5, 1.0, 2.0, 2.2499)
EXPANSION_RATES = (2.25, 3.0, 5.0, 12.0, 50.0, 123.456, 1e3, 1e4, 1e5, 1e6)
FREEDOMS = (1.0, 1.5, 2.5, 3.0, 5.0, 30.0, 1e4)

# counter, key, words: random123's kat_vectors, philox4x32 10
KNOWN_ANSWERS = (
    (
        (0x00000000, 0x00000000, 0x00000000, 0x00000000),
        (0x00000000, 0x00000000),
        (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
    ),
    (
        (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
)


# --- words


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN_ANSWERS)
def test_philox_gives_the_known_answers(counter, key, words):
    assert tuple(int(w) for w in keys.philox(counter, key)) == words


def test_philox_on_tensors_is_philox_on_each():
    counters = [torch.tensor([answer[0][i] for answer in KNOWN_ANSWERS]) for i in range(4)]
    key = [torch.tensor([answer[1][i] for answer in KNOWN_ANSWERS]) for i in range(2)]
    got = torch.stack(keys.philox(counters, key), dim=1)
    assert got.tolist() == [list(answer[2]) for answer in KNOWN_ANSWERS]


def plain_philox(counter, key):
    """Philox4x32-10 in Python integers, from the paper's figure; shares nothing with the package."""
    (a, b, c, d), (k, m) = counter, key
    for _ in range(10):
        first, second = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (second >> 32) ^ b ^ k, second % 2**32, (first >> 32) ^ d ^ m, first % 2**32
        k, m = (k + 0x9E3779B9) % 2**32, (m + 0xBB67AE85) % 2**32
    return a, b, c, d


def as_unsigned(words):
    return [w % 2**32 for w in words.flatten().tolist()]


def golden_frame(batch, origin):
    data = torch.zeros(batch, 3, 3, 4)
    return Frame(data, Unit.DN, torch.tensor(origin)[:batch])


GOLDEN_ORIGIN = [[5, 7], [65533, 65532]]
GOLDEN_KEY = {
    "seed": 0xFEDCBA9876543210,
    "ids": ["voc2012/2007_000027", 2**64 - 2],
    "body": ["sony_a7s2", "nikon_d850"],
    "view": 2,
    "epoch": 5,
}


def golden_key():
    fields = GOLDEN_KEY
    sample, body = keys.as_ids(fields["ids"], 2), keys.as_ids(fields["body"], 2)
    return Key(fields["seed"], sample, body, fields["view"], fields["epoch"])


def test_a_changed_key_forgets_the_words_of_the_old_one():
    """Shot and read noise share a call, which a key keeps; another seed must not find it."""
    key, frame = golden_key(), golden_frame(2, GOLDEN_ORIGIN)
    old = key.words(frame)
    assert not torch.equal(replace(key, seed=key.seed ^ 1).words(frame), old)


def test_words_stand_where_the_address_says():
    """Counter and key put together bit by bit as the design's section 3 has them, then plain Philox."""
    key, frame = golden_key(), golden_frame(2, GOLDEN_ORIGIN)
    ids = [i % 2**64 for i in key.sample.tolist()]
    bodies = [i % 2**64 for i in key.body.tolist()]
    low_high = lambda x: (x % 2**32, x // 2**32)  # noqa: E731
    k = plain_philox((*low_high(5), 0, 0), low_high(GOLDEN_KEY["seed"]))[:2]
    words, rows, columns = key.words(frame), key.row_words(frame, Stream.ROW), key.column_words(frame, Stream.COLUMN)
    fixed, parameter = key.column_words(frame, Stream.COLUMN_FIXED), key.parameter_words([4])[0]
    speckle, response = key.words(frame, Stream.SPECKLE), key.words(frame, Stream.PRNU)
    whole, octave = key.image_words(Stream.PERIODIC), key.octave_words(frame, Stream.ROW, 3)
    assert whole.shape == (4, 2, 1, 1, 1)
    assert torch.equal(key.octave_words(frame, Stream.ROW, 0), rows)
    assert words.shape == (4, 2, 3, 3, 4)
    assert rows.shape == (2, 1, 3, 1)
    assert columns.shape == fixed.shape == (2, 1, 1, 4)
    for image, (r0, c0) in enumerate(GOLDEN_ORIGIN):
        who, body = low_high(ids[image]), low_high(bodies[image])
        for channel, r, c in np.ndindex(3, 3, 4):
            counter = ((r0 + r) << 16 | (c0 + c), channel << 24 | 2 << 16 | 2 << 4, *who)
            assert as_unsigned(words[:, image, channel, r, c]) == list(plain_philox(counter, k))
            counter = (counter[0], channel << 24 | 8 << 16 | 2 << 4, *who)
            assert as_unsigned(speckle[:, image, channel, r, c]) == list(plain_philox(counter, k))
            counter = (counter[0], channel << 24 | 32 << 16, *body)
            assert as_unsigned(response[:, image, channel, r, c]) == list(plain_philox(counter, (0, 0)))
        for r in range(3):
            counter = ((r0 + r) << 16, 3 << 16 | 2 << 4, *who)
            assert as_unsigned(rows[image, 0, r]) == [plain_philox(counter, k)[0]]
            start = plain_philox((0, 3 << 16 | 2 << 4 | 3, *who), k)[1] >> 29
            counter = (((r0 + r + start) >> 3) << 16, 3 << 16 | 2 << 4 | 3, *who)
            assert as_unsigned(octave[image, 0, r]) == [plain_philox(counter, k)[0]]
        for c in range(4):
            counter = (c0 + c, 4 << 16 | 2 << 4, *who)
            assert as_unsigned(columns[image, 0, 0, c]) == [plain_philox(counter, k)[0]]
            assert as_unsigned(fixed[image, 0, 0, c]) == [plain_philox((c0 + c, 35 << 16, *body), (0, 0))[0]]
        assert as_unsigned(whole[:, image]) == list(plain_philox((0, 6 << 16 | 2 << 4, *who), k))
        assert as_unsigned(parameter[:, image]) == list(plain_philox((4, 1 << 16 | 2 << 4, *who), k))


# --- golden draws


def patterns(x):
    """float32 or int32 as hexadecimal bit patterns."""
    return [f"{v % 2**32:08x}" for v in x.contiguous().view(torch.int32).flatten().tolist()]


def golden_draws():
    """First draws of every law through the whole address: name -> bit patterns, image by image in raster order."""
    key, frame = golden_key(), golden_frame(2, GOLDEN_ORIGIN)
    words = key.words(frame)
    shot, read, angle, rounding = (words[lane] for lane in (Lane.SHOT, Lane.READ, Lane.ANGLE, Lane.ROUND))
    made = {f"words, lane {lane.name}": words[lane] for lane in Lane}
    made["uniform"] = draws.uniform(rounding)
    made["normal"] = draws.normal(read)
    made["exponential"] = draws.exponential(read)
    for rate in (0.0, 0.01, 0.5, 2.0, 2.25, 3.0, 12.0, 50.0, 1e3, 1e4, 1e5, 1e6):
        made[f"poisson {rate:g}"] = draws.poisson(shot, torch.full(shot.shape, rate))
    for lam in SHAPES:
        made[f"tukey_lambda {lam:g}"] = draws.tukey_lambda(read, torch.tensor(lam), torch.tensor(1.0))
    for nu in FREEDOMS:
        made[f"student_t {nu:g}"] = draws.student_t(read, angle, torch.tensor(nu))
    made["normal of rows"] = draws.normal(key.row_words(frame, Stream.ROW))
    made["normal of columns"] = draws.normal(key.column_words(frame, Stream.COLUMN))
    made["normal of fixed columns"] = draws.normal(key.column_words(frame, Stream.COLUMN_FIXED))
    made["normal of fixed pixels"] = draws.normal(key.words(frame, Stream.DSNU)[0])
    made["normal of rows, octave 5"] = draws.normal(key.octave_words(frame, Stream.ROW, 5))
    made["uniform of images"] = draws.uniform(key.image_words(Stream.MIXTURE)[0])

    def parameter(law, name, gain=None):
        entry = key.parameter_words([laws.NUMBERS["entry"]])[0][distributions.VALUE]
        return law.sample(key.parameter_words([laws.number_of(name)])[0], entry, gain)

    gain = parameter(distributions.LogUniform(low=0.1, high=20.0), "K")
    made["log_uniform 0.1 20 of K"] = gain
    made["log_uniform 1 300 of ratio"] = parameter(distributions.LogUniform(low=1.0, high=300.0), "ratio")
    line = laws.LogLinear(slope=0.85, bias=0.3, scatter=0.25)
    made["log_linear 0.85 0.3 0.25 of sigma_read"] = parameter(line, "sigma_read", gain)
    table = laws.NearestInGain(K=(0.1, 0.1, 0.1, 20.0, 20.0, 20.0), values=(1, 2, 3, 4, 5, 6))
    made["nearest_in_gain of lam"] = parameter(table, "lam", gain)
    curve = laws.InterpolatedInGain(K=(0.1, 1.0, 20.0), values=(0.5, 3.0, 40.0), log_values=True)
    made["interpolated_in_gain of sigma_row"] = parameter(curve, "sigma_row", gain)
    made["uniform 1 300 of ratio"] = parameter(distributions.Uniform(low=1, high=300), "ratio")
    made["squared_uniform 0 0.0555 of lambda_read"] = parameter(
        distributions.SquaredUniform(high=0.0555), "lambda_read"
    )
    made["normal 1 2 of bias_R"] = parameter(distributions.Normal(mean=1, sigma=2), "bias_R")
    made["truncated_normal 1 2 0.5 2 of nu"] = parameter(
        distributions.TruncatedNormal(mean=1, sigma=2, low=0.5, high=2), "nu"
    )
    branches = laws.BranchedLogLinear(K=(0.1, 2.0), slope=(0.5, 0.9), bias=(1.0, -0.5), scatter=(0.1, 0.02))
    made["branched_log_linear of sigma_row"] = parameter(branches, "sigma_row", gain)
    made["uniform 0 1 of a name outside the table"] = parameter(distributions.Uniform(low=0, high=1), "my_own")
    # What stages divide by, as the float32 that every execution reads.
    shapes, freedoms = np.linspace(-0.35, 0.5, 18, dtype=np.float32), np.float32([3, 3.5, 5, 8, 30, 1e4])
    tukey, student = moments.tukey_lambda_deviation(shapes), moments.student_t_deviation(freedoms)
    made["tukey_lambda_deviation -0.35(0.05)0.5"] = torch.from_numpy(tukey.astype(np.float32))
    made["student_t_deviation 3 3.5 5 8 30 1e4"] = torch.from_numpy(student.astype(np.float32))
    return {name: patterns(x) for name, x in made.items()}


def golden_digests():
    """sha256 of 262,144 draws of every law, little-endian: what 72 draws may miss, half a step in a coefficient."""
    number = np.arange(2**18, dtype=np.uint64)
    word, angle = as_words(number * 2654435761 % 2**32), as_words(number * 2246822519 % 2**32)
    one = torch.tensor(1.0)
    made = {"uniform": draws.uniform(word), "normal": draws.normal(word), "exponential": draws.exponential(word)}
    made |= {f"poisson {rate:g}": poisson(word, rate) for rate in (*LADDER_RATES, *EXPANSION_RATES)}
    made |= {f"tukey_lambda {lam:g}": draws.tukey_lambda(word, torch.tensor(lam), one) for lam in SHAPES}
    made |= {f"student_t {nu:g}": draws.student_t(word, angle, torch.tensor(nu)) for nu in FREEDOMS}
    return {name: hashlib.sha256(x.numpy().astype("<f4").tobytes()).hexdigest() for name, x in made.items()}


def write_golden():
    address = {**GOLDEN_KEY, "origin": GOLDEN_ORIGIN, "shape": [2, 3, 3, 4]}
    rows = ",\n".join(f"    {json.dumps(name)}: {json.dumps(hexes)}" for name, hexes in golden_draws().items())
    digests = ",\n".join(f"    {json.dumps(name)}: {json.dumps(one)}" for name, one in golden_digests().items())
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(
        f'{{\n  "noise_version": {keys.NOISE_VERSION},\n  "address": {json.dumps(address)},\n'
        f'  "draws": {{\n{rows}\n  }},\n  "digests": {{\n{digests}\n  }}\n}}\n'
    )
    print(f"wrote {GOLDEN}, noise version {keys.NOISE_VERSION}")


def test_draws_are_the_golden_ones():
    """To the bit. A failure here means that shards on disk no longer say what they hold."""
    golden = json.loads(GOLDEN.read_text())
    assert golden["noise_version"] == keys.NOISE_VERSION, "the version was raised: rewrite the golden draws"
    assert golden["address"] == {**GOLDEN_KEY, "origin": GOLDEN_ORIGIN, "shape": [2, 3, 3, 4]}
    for made, stored in ((golden_draws(), golden["draws"]), (golden_digests(), golden["digests"])):
        assert made.keys() == stored.keys()
        changed = [name for name in made if made[name] != stored[name]]
        assert not changed, f"draws changed without a raise of NOISE_VERSION: {', '.join(changed)}"


# --- continuous laws, word by word

WORDS = edge_and_random_words(100_000)
ANGLES = edge_and_random_words(100_000, seed=1)[torch.randperm(100_000, generator=torch.Generator().manual_seed(0))]
BOUND = 2e-6
HEAVY_BOUND = 4e-6  # Student t below 2.5: an error of float32 in log p is multiplied by 2 / nu


def worst(got, want):
    """Largest error, relative to the value where that is above 1."""
    got = got.numpy().astype(np.float64)
    assert np.isfinite(got).all()
    return float((np.abs(got - want) / np.maximum(1, np.abs(want))).max())


def test_edge_words_are_among_those_tried():
    assert {0, 1, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1} <= set(as_unsigned(WORDS[: len(EDGES)]))
    assert len(WORDS) == 100_000


def test_tail_is_the_stated_probability():
    """Both roundings to float32 together stay within 2^-23, and below 2^23 there is none."""
    p, got = stated_tail(WORDS), draws.tail(WORDS).double().numpy()
    assert (np.abs(got - p) <= 2.0**-23 * p).all()
    exact = p < 2.0**-9
    assert (got[exact] == p[exact]).all()
    assert got.min() == 2.0**-33
    assert got.max() == 0.5


def test_uniform_is_the_middle_of_its_cell():
    got = draws.uniform(WORDS).double().numpy()
    assert (got == uniform_oracle(WORDS)).all()
    assert got.min() == 2.0**-24
    assert got.max() == 1 - 2.0**-24


def test_exponential_is_its_quantile():
    p = stated_tail(WORDS)
    want = -np.where(WORDS.numpy() < 0, np.log1p(-p), np.log(p))
    got = draws.exponential(WORDS)
    assert worst(got, want) <= BOUND
    assert (np.abs(got.double().numpy() / want - 1) <= BOUND).all(), "small values too"
    assert got.min() > 0


def test_truncated_normal_is_its_quantile():
    """A word's place among all words, scaled into the interval: within the 2^-24 to which its ends are rounded."""
    for mean, sigma, low, high in (
        (1.0, 2.0, 0.5, 2.0),
        (0.0, 1.0, -9.0, 9.0),
        (0.0, 1.0, 3.0, 4.0),
        (5.0, 1.0, -9.0, 5.0),
    ):
        law = distributions.TruncatedNormal(mean=mean, sigma=sigma, low=low, high=high)
        got = law.sample(WORDS[None], WORDS, None).double().numpy()
        place = (WORDS.numpy().astype(np.int64) % 2**32 + 0.5) / 2**32
        ends = stats.norm.cdf([low, high], mean, sigma)
        at, width = ends[0] + place * (ends[1] - ends[0]), 2.0**-24
        edges = [stats.norm.ppf(np.clip(at + d, 2.0**-33, 1 - 2.0**-33), mean, sigma) for d in (-width, width)]
        slack = BOUND * sigma * np.maximum(1, np.abs((got - mean) / sigma)) + 1e-6 * abs(mean)
        assert (got >= np.maximum(edges[0], low) - slack).all()
        assert (got <= np.minimum(edges[1], high) + slack).all()
        assert got.min() >= np.float32(low)
        assert got.max() <= np.float32(high)
    with pytest.raises(ValueError, match="TruncatedNormal: 8 to 9 holds almost nothing of a normal of mean 0"):
        distributions.TruncatedNormal(mean=0, sigma=1, low=8, high=9)


def test_normal_is_its_quantile():
    assert worst(draws.normal(WORDS), normal_oracle(WORDS)) <= BOUND


def tukey(word, lam):
    return draws.tukey_lambda(word, torch.tensor(lam), torch.tensor(1.0))


@pytest.mark.parametrize("lam", SHAPES)
def test_tukey_lambda_is_its_quantile(lam):
    assert worst(tukey(WORDS, lam), tukey_lambda_oracle(WORDS, lam)) <= BOUND


def test_tukey_lambda_of_tensors_is_that_of_each_number():
    lam, scale = torch.tensor([-0.3, 0.0, 0.5]), torch.tensor([1.0, 2.0, 3.0])
    rows = draws.tukey_lambda(WORDS[:1000], lam[:, None], scale[:, None])
    for row, one, times in zip(rows, lam.tolist(), scale.tolist(), strict=True):
        assert worst(row / times, tukey_lambda_oracle(WORDS[:1000], one)) <= BOUND


@pytest.mark.parametrize("nu", FREEDOMS)
def test_student_t_is_its_transform(nu):
    got = draws.student_t(WORDS, ANGLES, torch.tensor(nu))
    assert worst(got, student_t_oracle(WORDS, ANGLES, nu)) <= (HEAVY_BOUND if nu < 2.5 else BOUND)


@pytest.mark.parametrize("nu", FREEDOMS)
def test_student_t_at_every_pair_of_edges(nu):
    edges = as_words(np.array(EDGES))
    word, angle = (x.flatten() for x in torch.meshgrid(edges, edges, indexing="ij"))
    got = draws.student_t(word, angle, torch.tensor(nu))
    assert worst(got, student_t_oracle(word, angle, nu)) <= (HEAVY_BOUND if nu < 2.5 else BOUND)


@pytest.mark.parametrize("law", ["normal", "tukey_lambda", "student_t"])
def test_symmetric_law_has_equal_tails(law):
    """Tails equal to the bit; for Student t the mirror is the angle's, half a turn less one step."""
    other = WORDS ^ -(2**31)
    if law == "student_t":
        # word j and 2^31 - j face each other: z changes its sign exactly.
        angle = ANGLES[(ANGLES > 0)]
        word = WORDS[: len(angle)]
        facing = (2**31 - angle.long()).to(torch.int32)
        nu = torch.tensor(3.0)
        assert torch.equal(draws.student_t(word, angle, nu), -draws.student_t(word, facing, nu))
    else:
        draw = draws.normal if law == "normal" else (lambda w: tukey(w, -0.2))
        assert torch.equal(draw(WORDS), -draw(other))
        assert (draw(WORDS)[WORDS >= 0] >= 0).all()


def test_oracles_agree_with_mpmath():
    """500 words: the float64 oracles above err a thousand times less than what they judge."""
    word, angle = WORDS[:250].tolist() + WORDS[-250:].tolist(), ANGLES[:250].tolist() + ANGLES[-250:].tolist()
    w, a = torch.tensor(word, dtype=torch.int32), torch.tensor(angle, dtype=torch.int32)

    def gap(oracle, exact):
        exact = np.array([float(x) for x in exact])
        return (np.abs(oracle - exact) / np.maximum(1, np.abs(exact))).max()

    assert gap(normal_oracle(w), map(exact_normal, word)) < 2e-13
    for lam in SHAPES:
        assert gap(tukey_lambda_oracle(w, lam), (exact_tukey_lambda(x, lam) for x in word)) < 1e-12
    for nu in FREEDOMS:
        exact = (exact_student_t(x, y, nu) for x, y in zip(word, angle, strict=True))
        assert gap(student_t_oracle(w, a, nu), exact) < 1e-12


def test_the_word_check_has_teeth():
    """Faults of the field: a tail that stops at 2^-25, another shape by 1e-5, another freedom by 1e-4."""
    shallow = as_words((stated_tail(WORDS) * 2**24).astype(np.uint64) * 2**8 + 2**7)
    assert worst(draws.normal(shallow.abs()), np.abs(normal_oracle(WORDS))) > BOUND
    assert worst(tukey(WORDS, -0.20001), tukey_lambda_oracle(WORDS, -0.2)) > BOUND
    assert worst(tukey(WORDS, 1e-4), tukey_lambda_oracle(WORDS, 0.0)) > BOUND
    assert worst(draws.student_t(WORDS, ANGLES, torch.tensor(3.0001)), student_t_oracle(WORDS, ANGLES, 3.0)) > BOUND


# --- Poisson, word by word


def poisson(word, rate):
    return draws.poisson(word, torch.full(word.shape, rate))


def inversion_misses(word, count, rate, slack):
    """Words whose count is not the quantile, within a relative `slack` of the probability of each.

    In the upper half (bit 31) p is P(X >= count) or less and more than P(X > count); in the lower
    half p is P(X <= count) or less and more than P(X < count). The two halves meet at the median.
    """
    p, upper = stated_tail(word), word.numpy() < 0
    k, place = np.unique(count.numpy().astype(np.float64), return_inverse=True)
    law = stats.poisson(float(np.float32(rate)))
    outer = np.where(upper, law.sf(k - 1)[place], law.cdf(k)[place])
    inner = np.where(upper, law.sf(k)[place], law.cdf(k - 1)[place])
    return (p > outer * (1 + slack)) | (p <= inner * (1 - slack))


@pytest.mark.parametrize("rate", LADDER_RATES)
def test_poisson_ladder_is_the_quantile(rate):
    """Exact but for words within 2e-6 of a step.

    A step is a sum of at most 17 rounded terms of one sign, p * exp(rate) has three more roundings
    and the exponential's 1e-7: under 30 roundings of 2^-24 in all.
    """
    count = poisson(WORDS, rate)
    assert not inversion_misses(WORDS, count, rate, 2e-6).any()


def expansion_slack(p):
    """Enumerated: noncentrality under 2 at N = 1e8, tails above 1e-8 within 2.1 %.

    By Cauchy and Schwarz a tail S is then wrong by sqrt(2 S / N) at most, relative sqrt(2 / (N S)).
    Each half starts at its own end, so S is p.
    """
    return np.minimum(0.025, np.sqrt(2 / (1e8 * p)))


@pytest.mark.parametrize("rate", EXPANSION_RATES)
def test_poisson_expansion_is_the_quantile(rate):
    """Exact but for words within the enumerated error of a step; beyond 1e-8 within one count."""
    count = poisson(WORDS, rate)
    p = stated_tail(WORDS)
    deep = p < 1e-8
    assert not (inversion_misses(WORDS, count, rate, expansion_slack(p)) & ~deep).any()
    law = stats.poisson(float(np.float32(rate)))
    depths, place = np.unique(p[deep], return_inverse=True)
    quantile = np.where(WORDS.numpy()[deep] < 0, law.isf(depths)[place], law.ppf(depths)[place])
    assert np.abs(count.numpy()[deep] - quantile).max() <= 1
    # Of uniform words at most sum over steps of sqrt(2 S (1 - S) / N) may miss, plus their own scatter.
    flat = edge_and_random_words(400_000, seed=3)[len(EDGES) : 200_000]
    low, steps = int(rate - 8 * rate**0.5 - 2), int(16 * rate**0.5 + 20)
    s = law.sf(np.arange(low, low + steps))
    share = np.sqrt(2e-8 * s * (1 - s)).sum()
    missed = inversion_misses(flat, poisson(flat, rate), rate, 0.0).mean()
    assert missed <= share + mean_band(len(flat), share**0.5)


def test_the_inversion_check_has_teeth():
    """A rate off by 0.1 %, a count off by one in one word, the lower half taken for the upper."""
    for rate in (0.5, 3.0, 50.0, 1e4):
        slack = 2e-6 if rate < draws.LADDER_BELOW else expansion_slack(stated_tail(WORDS))
        assert inversion_misses(WORDS, poisson(WORDS, rate * 1.001), rate, slack).any()
        assert inversion_misses(WORDS, poisson(WORDS ^ -(2**31), rate), rate, slack).any()
        spoiled = poisson(WORDS, rate)
        spoiled[50_000] += 1
        assert inversion_misses(WORDS, spoiled, rate, slack).sum() == 1


def test_mixed_rates_are_each_their_own():
    """Both paths in one tensor, as a picture has them."""
    rates = torch.tensor([*LADDER_RATES, *EXPANSION_RATES, 0.0])
    word = WORDS[:2000, None].expand(-1, len(rates)).contiguous()
    together = draws.poisson(word, rates.expand_as(word).contiguous())
    for column, rate in enumerate(rates.tolist()):
        assert torch.equal(together[:, column], poisson(WORDS[:2000], rate))


@pytest.mark.parametrize("rate", [0.0, -0.0, 1e-30, 1e-45])
def test_a_rate_of_nothing_gives_nothing(rate):
    assert (poisson(WORDS, rate) == 0).all()


@pytest.mark.parametrize(
    ("rate", "name"),
    [
        (-1.0, "-1"),
        (-1e-30, "-1e-30"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (float("-inf"), "-inf"),
        (2.5e6, "2.5e\\+06|2500000"),
        (1000000.0625, "1000000.06|1.00000006e\\+06"),  # the first float32 beyond the limit, still told from it
    ],
)
def test_a_rate_outside_its_range_is_named(rate, name):
    rates = torch.full((3, 4), 5.0)
    rates[1, 2] = rate
    with pytest.raises(ValueError, match=f"Poisson rate is ({name})\\d* electrons"):
        draws.poisson(torch.zeros(3, 4, dtype=torch.int32), rates)


# --- laws of parameters


def test_log_uniform_is_uniform_in_the_logarithm():
    words = torch.stack([WORDS] * 4)
    got = distributions.LogUniform(low=0.1, high=20.0).sample(words, WORDS, None)
    low, high = np.float32(0.1), np.float32(20.0)
    want = np.exp(np.log(float(low)) + uniform_oracle(WORDS) * np.log(float(high) / float(low)))
    # Three float32 roundings of logarithms of size 3 or less, each 2^-24 * 4 at most, and exp's own.
    assert (np.abs(got.numpy() / want - 1) <= 1e-6).all()
    assert got.min() >= low
    assert got.max() <= high


def test_log_linear_is_normal_about_its_line():
    gain = torch.exp(torch.linspace(-2, 3, len(WORDS)))
    law = laws.LogLinear(slope=0.85, bias=0.3, scatter=0.25)
    got = law.sample(torch.stack([torch.zeros_like(WORDS), WORDS, *[torch.zeros_like(WORDS)] * 2]), WORDS, gain)
    want = 0.85 * np.log(gain.double().numpy()) + 0.3 + 0.25 * normal_oracle(WORDS)
    assert (np.abs(np.log(got.double().numpy()) - want) <= 3e-6).all()
    plain = laws.LogLinear(slope=0.85, bias=0.3).sample(torch.stack([WORDS] * 4), WORDS, gain)
    assert torch.allclose(log(plain), log(gain) * 0.85 + 0.3, atol=1e-6)


if __name__ == "__main__":
    write_golden()
