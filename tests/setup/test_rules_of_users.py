"""A user's own rules: the default's bits for its logic, other results for other logic, sound books."""

import inspect
import math

import numba
import pytest
from own_rules import (
    SAME,
    SMALL,
    assert_same_bits,
    changed,
    constant,
    events,
    plain_run,
)

from hashcredit.agents.dimensions import Instrument
from hashcredit.simulator import MarketModel, simulate, simulate_many
from hashcredit.simulator.state import economy
from hashcredit.simulator.state.decisions import DECISIONS, DEFAULT_RULES


@pytest.fixture(scope="module")
def plain():
    return plain_run()


# The same logic, the same bits


@pytest.mark.parametrize("decision", DECISIONS)
def test_every_rule_is_asked(decision):
    names = ", ".join(argument.name for argument in DECISIONS[decision].arguments)
    told = {}
    exec(f"def rule({names}):\n if {names.split(',')[0]} < 1e99: raise KeyError\n return answer",
         {"answer": {"yes or no": True, "units": 1}.get(DECISIONS[decision].unit, 0.5)}, told)  # fmt: skip
    with pytest.raises(KeyError):
        simulate(SMALL, seed=5, replicate=3, rules={decision: told["rule"]})


def test_decisions_are_those_of_their_defaults():
    for name, decision in DECISIONS.items():
        names = [argument.name for argument in decision.arguments]
        assert list(inspect.signature(decision.default.py_func).parameters) == names, name
        compiled = decision.default.get_compile_result(decision.signature)
        assert compiled.signature == decision.signature, name
        assert list(inspect.signature(SAME[name]).parameters) == names
    assert list(economy.RULES) == [f"{name}_rule" for name in DECISIONS]
    assert all(rule in economy.Economy.__annotations__ for rule in economy.RULES)


@pytest.mark.parametrize("decision", DECISIONS)
def test_the_same_logic_gives_the_same_bits(decision, plain):
    assert_same_bits(simulate(SMALL, seed=5, replicate=3, rules={decision: SAME[decision]}), plain)


@pytest.mark.parametrize("compiled", [numba.njit, numba.njit(error_model="numpy"), lambda rule: rule])
def test_all_rules_in_all_faces(compiled, plain):
    rules = {name: compiled(rule) for name, rule in SAME.items()}
    assert_same_bits(simulate(SMALL, seed=5, replicate=3, rules=rules, check=True), plain)
    assert_same_bits(MarketModel(SMALL, rng=5, replicate=3, rules=rules, check=True).run(), plain)
    many = simulate_many(SMALL, seed=5, replicates=12, rules=rules, threads=2)
    wanted = simulate_many(SMALL, seed=5, replicates=12, threads=1)
    assert many.outcomes.tobytes() == wanted.outcomes.tobytes()


def test_an_eager_signature_will_do(plain):
    rules = {name: numba.njit(DECISIONS[name].signature)(rule) for name, rule in SAME.items()}
    assert_same_bits(simulate(SMALL, seed=5, replicate=3, rules=rules), plain)


def test_defaults_may_be_named(plain):
    run = simulate(SMALL, seed=5, replicate=3, rules=DEFAULT_RULES)
    assert_same_bits(run, plain)
    assert run.provenance["rules"] == plain.provenance["rules"] == {}


# Other logic, other results, sound books


def test_lenders_that_always_forbear():
    assert len(events(simulate(SMALL, seed=5), "acceleration")) > 0
    run = changed("forbearance", False, replicate=0)
    assert len(events(run, "acceleration")) == 0 < len(events(run, "forbearance"))
    assert run.summary["defaults_acceleration"] == 0


def test_lenders_that_never_forbear(plain):
    run = changed("forbearance", True)
    assert len(events(run, "forbearance")) == 0 < len(events(plain, "forbearance"))
    assert len(events(run, "acceleration")) > len(events(plain, "acceleration"))


def test_what_the_rule_for_forbearance_is_told():
    def odd(now, waiting, principal, weeks_in_breach, dscr, capital_ratio):
        if not 0.0 <= now <= principal or not 0.0 <= waiting <= principal:
            raise ValueError("proceeds beyond the principal")
        if weeks_in_breach <= 0 or not math.isfinite(capital_ratio):
            raise ValueError("no breach, or a lender without loans")
        return dscr < 1.0

    assert len(events(simulate(SMALL, seed=5, rules={"forbearance": odd}), "acceleration")) > 0


def test_lenders_that_never_lend(plain):
    assert len(events(plain, "loan")) > 0
    # bonds have other buyers' tests: cover, and all debts over all assets
    machine_loans = events(changed("underwriting", False), "loan").query("units > 0")
    promised = SMALL.investment.lead_weeks + SMALL.investment.hold_weeks  # in the opening
    assert len(events(plain, "loan").query("units > 0 and week > @promised")) > 0
    assert (machine_loans["week"] <= promised).all()


def test_lenders_that_extend_nothing_or_everything():
    def matured(run):
        """Bullets of the opening other than BTC loans that mature within the run."""
        loans = run.before.loans
        bullets = (loans["principal"] > 0.0) & (loans["amortising"] == 0)
        bullets &= loans["instrument"] != Instrument.BTC_LOAN
        return bullets & (loans["maturity_week"] < SMALL.horizon_weeks - 1)

    nothing, everything = (changed("rollover", answer, replicate=0) for answer in (False, True))
    rows = matured(nothing)
    assert rows.any()
    opening = nothing.before.loans["maturity_week"]
    same = nothing.economy.loans["instrument"] == nothing.before.loans["instrument"]  # not one in its row
    assert (rows & same).any()
    assert (nothing.economy.loans["maturity_week"][rows & same] == opening[rows & same]).all()
    extended = everything.economy.loans["maturity_week"] > opening
    assert extended[rows].any()


def test_bidders_that_bid_nothing(plain):
    dealers = plain.tables["buyers"].query("kind == 'scrap_dealer'").index
    sales = events(changed("bidding", 0.0), "sale")
    assert (sales["counterparty_kind"] == "buyers").all()
    assert sales["counterparty"].isin(dealers).all(), "their price is that of the parts"
    assert not events(plain, "sale")["counterparty"].isin(dealers).all()


def test_sellers_that_hold_out(plain):
    assert len(events(plain, "sale")) > 0
    assert len(events(changed("reservation", 1e12), "sale")) == 0


@pytest.mark.parametrize("market", ["auction", "impact", "deep"])
def test_sellers_that_put_nothing_on_sale_and_everything(market):
    # `channels.repo` off: a lender whose back-leverage is called sells all it has, whatever the rule
    scenario = SMALL.with_changes({"secondary_market.rule": market, "channels.repo": False})
    nothing = simulate(scenario, seed=5, rules={"quota": constant("quota", 0)}, check=True)
    assert len(events(nothing, "sale")) == 0 < nothing.summary["units_unsold"]
    some = simulate(scenario, seed=5, rules={"quota": lambda units, share: units % 2}, check=True)
    assert (events(some, "sale")["units"] == 1).all()
    everything = simulate(scenario, seed=5, rules={"quota": lambda units, share: units}, check=True)
    first = [events(run, "sale").groupby("week")["units"].sum().iloc[0] for run in (some, everything)]
    assert first[0] < first[1]
    for run in (nothing, some, everything):
        assert run.summary["units_residual"] == 0
        assert run.summary["money_residual"] < 1e-12


def test_a_deep_market_asks_no_bidder():
    scenario = SMALL.with_changes({"secondary_market.rule": "deep"})
    unasked = {"bidding": constant("bidding", math.nan)}
    assert_same_bits(simulate(scenario, seed=5, rules=unasked), simulate(scenario, seed=5))
