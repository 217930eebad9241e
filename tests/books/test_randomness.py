"""Random numbers: the bits of NumPy's Philox, the right distributions, addresses that do not interfere."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from hashcredit.agents.compiled import kernel
from hashcredit.simulator.books import randomness
from hashcredit.simulator.books.randomness import Stream

WORD = 2**64
TOP = WORD - 1
words = st.integers(0, TOP) | st.sampled_from([0, 1, 2**31, 2**32, 2**63 - 1, 2**63, TOP - 1, TOP])


def numpy_philox(seed, replicate, *counter):
    """NumPy's first block at the counter before ours (it adds one before it makes a block)."""
    number = sum(part * WORD**place for place, part in enumerate(counter)) - 1
    before = [(number % WORD**4) // WORD**place % WORD for place in range(4)]
    generator = np.random.Philox(
        counter=np.array(before, dtype=np.uint64), key=np.array([seed, replicate], dtype=np.uint64)
    )
    return [int(word) for word in generator.random_raw(4)]


@given(seed=words, replicate=words, week=words, agent=words, stream=words, block=words)
@example(0, 0, 0, 0, 0, 0)  # the counter before it is 2**256 - 1
@example(TOP, TOP, TOP, TOP, TOP, TOP)
@example(1, 0, 0, 1, 0, 0)  # the step back borrows from the second word,
@example(1, 0, 0, 0, 0, 1)  # and from all of them
def test_philox_equals_numpy(seed, replicate, week, agent, stream, block):
    address = seed, replicate, week, agent, stream, block
    expected = numpy_philox(*address)
    unsigned = (np.uint64(part) for part in address)
    assert [int(word) for word in randomness.philox(*unsigned)] == expected
    assert [int(word) for word in randomness.philox_reference(*address)] == expected


@given(address=st.tuples(*[st.integers(-(2**63), 2**63 - 1)] * 6))
@example((-1, -1, -1, -1, -1, -1))
@example((-(2**63), 0, -1, 2**63 - 1, 1, -2))
def test_signed_addresses_count_modulo_two_to_the_64(address):
    expected = numpy_philox(*(part % WORD for part in address))
    assert [int(word) for word in randomness.philox(*(np.int64(part) for part in address))] == expected
    assert [int(word) for word in randomness.philox_reference(*address)] == expected


def test_philox_carries_on_as_numpy_does():
    """Consecutive weeks are consecutive blocks of one NumPy generator."""
    raw = np.random.Philox(counter=[9, 8, 7, 6], key=[5, 4]).random_raw(12).reshape(3, 4)
    ours = [randomness.philox(5, 4, 9 + step, 8, 7, 6) for step in (1, 2, 3)]
    assert np.array_equal(np.array(ours, dtype=np.uint64), raw)


def test_published_vector():
    """Random123's known answer for philox4x64-10 with the digits of pi as counter and key."""
    counter = 0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89
    key = 0x452821E638D01377, 0xBE5466CF34E90C6C
    expected = 0xA528F45403E61D95, 0x38C72DBD566E9788, 0xA5A1610E72FD18B5, 0x57BD43B5E52B7FE6
    assert tuple(int(word) for word in randomness.philox_reference(*key, *counter)) == expected


def test_a_stream_is_its_number():
    assert randomness.philox(1, 2, 3, 4, Stream.OFFTAKER, 6) == randomness.philox(1, 2, 3, 4, 5, 6)


def test_stream_numbers_are_for_ever():
    assert {stream.name: stream.value for stream in Stream} == {
        "BTC": 0,
        "RENT": 1,
        "MACHINE_RENT": 2,
        "JUMP": 3,
        "STUDENT": 4,
        "OFFTAKER": 5,
        "STAY": 6,
        "POPULATION_MINER": 7,
        "POPULATION_NEOCLOUD": 8,
        "POPULATION_LENDER": 9,
        "POPULATION_BUYER": 10,
        "POPULATION_LOAN": 11,
        "CONTRACT": 12,
        "UNDERWRITING": 13,
        "ASSET": 14,
        "SEARCH": 15,
    }


def test_uniform_is_open_at_both_ends():
    lowest, highest = randomness.to_uniform(np.uint64(0)), randomness.to_uniform(np.uint64(TOP))
    assert lowest == 2.0**-53
    assert highest == 1.0 - 2.0**-53
    assert math.isfinite(randomness.inverse_normal(lowest))
    assert randomness.inverse_normal(highest) == -randomness.inverse_normal(lowest)


def test_inverse_normal_against_scipy():
    """SciPy's own quantile (Cephes) is good to a few units in the last place, and so is AS241."""
    tail = np.logspace(-300, np.log10(0.5), 20_000)
    middle = np.linspace(1e-4, 1.0 - 1e-4, 20_001)
    upper = 1.0 - np.logspace(-15.9, -1, 5_000)
    for p in np.concatenate([tail, middle, upper, [0.075, 0.925, math.exp(-25.0), 0.5, 1.0 - 2.0**-53]]):
        assert randomness.inverse_normal(p) == pytest.approx(stats.norm.ppf(p), rel=1e-13, abs=1e-16)


def test_inverse_normal_published_values():
    """The two check values that Wichura prints for PPND16, and the tabulated 97.5 % point."""
    assert randomness.inverse_normal(0.25) == pytest.approx(-0.6744897501960817, rel=1e-15)
    assert randomness.inverse_normal(0.001) == pytest.approx(-3.090232306167814, rel=1e-15)
    assert randomness.inverse_normal(1e-20) == pytest.approx(-9.262340089798408, rel=1e-15)
    assert randomness.inverse_normal(0.975) == pytest.approx(1.959963984540054, rel=1e-15)


def test_lanes_of_one_block():
    address = 11, 3, 20, 7, Stream.RENT, 2
    uniforms, normals = randomness.uniform4(*address), randomness.normal4(*address)
    assert len(set(uniforms)) == 4
    for lane in range(4):
        assert randomness.uniform(*address, lane) == uniforms[lane]
        assert randomness.normal(*address, lane) == normals[lane]
        assert normals[lane] == randomness.inverse_normal(uniforms[lane])
        assert randomness.exponential(*address, lane) == -math.log(uniforms[lane])


@kernel
def fill(seed, uniforms, normals, exponentials):
    for i in range(uniforms.shape[0]):
        u = randomness.uniform4(seed, 0, i, 5, Stream.STAY, 0)
        z = randomness.normal4(seed, 0, 3, i, Stream.BTC, 0)
        for lane in range(4):
            uniforms[i, lane] = u[lane]
            normals[i, lane] = z[lane]
            exponentials[i, lane] = randomness.exponential(seed, i, 0, 0, Stream.CONTRACT, 0, lane)


@pytest.fixture(scope="module")
def draws():
    """Uniforms along weeks, normals along agents, exponentials along replicates: 100,000 blocks of 4 each."""
    uniforms, normals, exponentials = np.empty((3, 100_000, 4))
    fill(2026, uniforms, normals, exponentials)
    return uniforms, normals, exponentials


def test_moments(draws):
    """First four moments within 4.5 standard errors (a fixed seed: passes for ever or fails for ever)."""
    laws = stats.uniform(), stats.norm(), stats.expon()
    for sample, law in zip(draws, laws, strict=True):
        for power in (1, 2, 3, 4):
            expected, second = law.moment(power), law.moment(2 * power)
            standard_error = math.sqrt((second - expected**2) / sample.size)
            assert (sample**power).mean() == pytest.approx(expected, abs=4.5 * standard_error)
        assert stats.kstest(sample.ravel(), law.cdf).pvalue > 1e-5


def test_draws_do_not_know_each_other(draws):
    """Between lanes, and between neighbours along week, agent and replicate: no correlation."""
    for sample in draws:
        ranks = stats.rankdata(sample).reshape(sample.shape)
        limit = 4.5 / math.sqrt(len(ranks))
        between_lanes = np.corrcoef(ranks, rowvar=False) - np.eye(4)
        assert np.abs(between_lanes).max() < limit
        for lane in range(4):
            assert abs(np.corrcoef(ranks[:-1, lane], ranks[1:, lane])[0, 1]) < limit


def test_every_part_of_the_address_matters():
    address = [1, 2, 3, 4, 5, 6]
    blocks = {randomness.philox(*address)}
    for place in range(6):
        blocks.add(randomness.philox(*(part + (i == place) for i, part in enumerate(address))))
    assert len(blocks) == 7


def test_same_bits_without_compilation():
    code = (
        "from hashcredit.simulator.books.randomness import normal, uniform4, Stream\n"
        "print([float(u).hex() for u in uniform4(-1, 2, 3, 4, Stream.JUMP, 0)])\n"
        "print(float(normal(1, 2, 3, 4, 5, 6, 3)).hex())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            env=os.environ | {"NUMBA_DISABLE_JIT": off},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for off in ("0", "1")
    }
    assert len(outputs) == 1
