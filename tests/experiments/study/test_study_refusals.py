"""Studies that are refused: one line that names key, value and what is allowed."""

import pickle

import pytest

from hashcredit.experiments.study.study import Study
from hashcredit.simulator.errors import StudyError

HEAD = 'scenario = "baseline_2026"\nseed = 7\nreplicates = 20\n'


def with_factors(design, factors):
    return f"{HEAD}[design]\n{design}\n[factors]\n{factors}\n"


def grid(factors):
    return with_factors('kind = "grid"', factors)


def sample(factors, design='kind = "random"\npoints = 10'):
    return with_factors(design, factors)


def product(parts, factors='"horizon_weeks" = [10, 20]\n"shocks.btc_drift" = { low = 0, high = 0.1 }'):
    tables = "".join(f"[[design.of]]\n{part}\n" for part in parts)
    return f'{HEAD}[design]\nkind = "product"\n{tables}[factors]\n{factors}\n'


VOLATILITY = 'factors."shocks.btc_volatility"'
RANGE = '"shocks.btc_volatility" = { low = 0.5, high = 0.8 }'
WEEKS = 'kind = "grid"\nfactors = ["horizon_weeks"]'
DRIFT = 'kind = "random"\npoints = 4\nfactors = ["shocks.btc_drift"]'
HUGE = '"horizon_weeks" = { low = 1, high = 1040 }\n"shocks.btc_drift" = { low = 0, high = 0.1 }'

REFUSED = {
    "pairs of replicates": (
        grid('"shocks.antithetic" = [false, true]'),
        'factors."shocks.antithetic"',
        "false in a study",
    ),
    # The file
    "empty": ("", "study", "this is empty"),
    "no TOML": ("scenario = ", "study", "valid TOML"),
    "key twice": (HEAD + "seed = 8\n", "study", "valid TOML"),
    "unknown key": (HEAD + "replicate = 3\n", "replicate", "did you mean 'replicates'"),
    "no scenario": ("seed = 1\nreplicates = 1\n", "scenario", "the name of a scenario"),
    "no seed": ('scenario = "baseline_2026"\nreplicates = 1\n', "seed", "a whole number from 0"),
    "no replicates": ('scenario = "baseline_2026"\nseed = 1\n', "replicates", "from 1 to 10000000"),
    "no replicate": (HEAD.replace("= 20", "= 0"), "replicates", "from 1 to 10000000"),
    "too many replicates": (HEAD.replace("= 20", "= 10_000_001"), "replicates", "from 1 to 10000000"),
    "replicates in a text": (HEAD.replace("= 20", "= " + '"20"'), "replicates", "a whole number"),
    "half a replicate": (HEAD.replace("= 20", "= 1.5"), "replicates", "a whole number"),
    "true replicates": (HEAD.replace("= 20", "= true"), "replicates", "a whole number"),
    "negative seed": (HEAD.replace("7", "-1"), "seed", "from 0 to 9223372036854775807"),
    "large seed": (HEAD.replace("7", "9223372036854775808"), "seed", "from 0 to 9223372036854775807"),
    "name with a slash": ('name = "a/b"\n' + HEAD, "name", "letters, digits"),
    "title of two lines": ('title = "a\\nb"\n' + HEAD, "title", "one line"),
    "common draws": ("common_random_numbers = 1\n" + HEAD, "common_random_numbers", "true or false"),
    "unknown scenario": (HEAD.replace("baseline_2026", "baseline2026"), "scenario", "'baseline_2026'"),
    "scenario of a number": (HEAD.replace('"baseline_2026"', "3"), "scenario", "name of a scenario"),
    "scenario is a folder": (HEAD.replace("baseline_2026", "."), "scenario", "this is a folder"),
    "broken scenario": (HEAD.replace("baseline_2026", "broken.toml"), "scenario", "shocks.btc_drift"),
    "key of many parts": (HEAD + ".".join(["a"] * 100_000) + " = 1\n", "study", "nested more than 50"),
    "day for a number": (grid('"shocks.btc_volatility" = [2026-01-01]'), VOLATILITY, "a number"),
    "day for a whole number": (
        grid('"horizon_weeks" = [2026-01-01, 2026-02-01]'),
        'factors."horizon_weeks"',
        "a whole number",
    ),
    "time for a number": (grid('"shocks.btc_volatility" = [2026-01-01T10:00:00]'), VOLATILITY, "a number"),
    # Keeping
    "unknown thing to keep": (HEAD + "[keep]\nserie = true\n", "keep.serie", "'series'"),
    "keep is no table": ("keep = true\n" + HEAD, "keep", "a table"),
    "unknown table": (HEAD + '[keep]\ntables = ["loan"]\n', "keep.tables", "buyers, loans"),
    "table twice": (HEAD + '[keep]\ntables = ["loans", "loans"]\n', "keep.tables", "differ"),
    "unknown event": (
        HEAD + '[keep]\nevents = true\nevent_kinds = ["defalt"]\n',
        "keep.event_kinds",
        "'default'",
    ),
    "unknown column": (
        HEAD + '[keep]\nseries = true\nseries_columns = ["price_usd_h10"]\n',
        "keep.series_columns",
        "'price_usd_h100'",
    ),
    "columns of no series": (HEAD + '[keep]\nseries_columns = ["tightness"]\n', "keep.series", "true where"),
    "kinds of no events": (HEAD + '[keep]\nevent_kinds = ["default"]\n', "keep.events", "true where"),
    "every zeroth week": (HEAD + "[keep]\nseries = true\nseries_every = 0\n", "keep.series_every", "from 1"),
    # Designs
    "no design": (HEAD + "[factors]\nhorizon_weeks = [1, 2]\n", "design", "kind = 'grid'"),
    "no kind": (with_factors("levels = 2", RANGE), "design.kind", "known are grid"),
    "unknown kind": (with_factors('kind = "latin"', RANGE), "design.kind", "'latin-hypercube'"),
    "design is no table": ('design = "grid"\n' + HEAD, "design", "kind = 'grid'"),
    "unknown key of a design": (
        sample(RANGE, 'kind = "random"\npoint = 3'),
        "design.point",
        "did you mean 'points'",
    ),
    "points of a grid": (with_factors('kind = "grid"\npoints = 3', RANGE), "design.points", "a known name"),
    "no points": (sample(RANGE, 'kind = "random"'), "design.points", "a whole number from 1"),
    "zero points": (sample(RANGE, 'kind = "random"\npoints = 0'), "design.points", "from 1 to 10000000"),
    "too many points": (sample(RANGE, 'kind = "random"\npoints = 10_000_001'), "design.points", "from 1"),
    "sobol of 100": (sample(RANGE, 'kind = "sobol"\npoints = 100'), "design.points", "64 or 128"),
    "saltelli of 3": (sample(RANGE, 'kind = "saltelli"\npoints = 3'), "design.points", "2 or 4"),
    "odd levels": (sample(RANGE, 'kind = "morris"\ntrajectories = 4\nlevels = 5'), "design.levels", "even"),
    "no trajectories": (sample(RANGE, 'kind = "morris"'), "design.trajectories", "a whole number"),
    "sample of nothing": (sample(""), "design.kind", "'grid' where there are no factors"),
    "factors named twice": (
        with_factors('kind = "grid"\nfactors = ["horizon_weeks"]', "horizon_weeks = [1]"),
        "design.factors",
        "parts of a product",
    ),
    "range in a grid": (grid(RANGE), VOLATILITY, "levels = 5"),
    "range in a list": (with_factors('kind = "list"', RANGE), VOLATILITY, "samples and grids with levels"),
    "levels of lists": (
        with_factors('kind = "grid"\nlevels = 3', "horizon_weeks = [1]"),
        "design.levels",
        "list",
    ),
    "open end in a grid": (
        with_factors(
            'kind = "grid"\nlevels = 3',
            '"shocks.btc_volatility" = { distribution = "normal", mean = 0.5, sd = 0.1, low = 0.2 }',
        ),
        VOLATILITY,
        "low and high of its own",
    ),
    "open end in morris": (
        sample(
            '"shocks.btc_volatility" = { distribution = "lognormal", median = 0.5, sigma = 0.1 }',
            'kind = "morris"\ntrajectories = 4',
        ),
        VOLATILITY,
        "low and high of its own",
    ),
    "grid beyond memory": (
        with_factors('kind = "grid"\nlevels = 1000000', HUGE),
        "design",
        "at most 10000000",
    ),
    "runs without number": (
        sample(RANGE, 'kind = "random"\npoints = 10_000').replace("= 20", "= 10_000_000"),
        "replicates",
        "at most 1000000000 runs",
    ),
    "half a level": (
        with_factors('kind = "grid"\nlevels = 2.5', RANGE),
        "design.levels",
        "a whole number from 2",
    ),
    "columns in a text": (
        HEAD + '[keep]\nseries = true\nseries_columns = "x"',
        "keep.series_columns",
        "a list",
    ),
    "cut in a text": (
        sample('"shocks.btc_volatility" = { distribution = "normal", mean = 1, sd = 1, low = "x" }'),
        f"{VOLATILITY}.low",
        "a number",
    ),
    "lists of unequal length": (
        with_factors('kind = "list"', '"horizon_weeks" = [1, 2]\n"channels.repo" = [true]'),
        'factors."channels.repo"',
        "as many values as horizon_weeks has, 2",
    ),
    "the same point twice in a list": (
        with_factors('kind = "list"', '"horizon_weeks" = [1, 2, 1.0]\n"channels.repo" = [true, true, true]'),
        "design",
        "points 0 and 2",
    ),
    "the same level twice": (
        with_factors('kind = "grid"\nlevels = 4', '"horizon_weeks" = { low = 10, high = 12 }'),
        "design",
        "points 2 and 3",
    ),
    "rows and factors": (
        with_factors('kind = "list"\nrows = [{ horizon_weeks = 3 }]', '"horizon_weeks" = [1, 2]'),
        "factors",
        "no factors",
    ),
    "rows and file": (
        HEAD + '[design]\nkind = "list"\nfile = "x.csv"\nrows = [{ horizon_weeks = 3 }]',
        "design.rows",
        "either file or rows",
    ),
    "no rows": (HEAD + '[design]\nkind = "list"\nrows = []', "design.rows", "at least one table"),
    "rows that differ": (
        HEAD + '[design]\nkind = "list"\nrows = [{ horizon_weeks = 3 }, { "channels.repo" = true }]',
        "design.rows[1]",
        "the factors of row 0",
    ),
    "no file of points": (HEAD + '[design]\nkind = "list"\nfile = "x.csv"', "design.file", "No such file"),
    "a file without points": (
        HEAD + '[design]\nkind = "list"\nfile = "head.csv"',
        "design.file",
        "a line a point",
    ),
    "a ragged file": (
        HEAD + '[design]\nkind = "list"\nfile = "ragged.csv"',
        "design.file",
        "2 values for point 1",
    ),
    "a file with a text": (
        HEAD + '[design]\nkind = "list"\nfile = "text.csv"',
        'factors."horizon_weeks"',
        "a whole number from 1",
    ),
    # Products
    "product of one": (product([WEEKS]), "design.of", "at least two parts"),
    "product in a product": (product([WEEKS, 'kind = "product"']), "design.of[1].kind", "no products inside"),
    "part without factors": (product([WEEKS, 'kind = "grid"']), "design.of[1].factors", "a list of factors"),
    "part of something else": (
        product([WEEKS, DRIFT.replace("btc_drift", "btc_drif")]),
        "design.of[1].factors",
        "'shocks.btc_drift'",
    ),
    "factor in two parts": (product([WEEKS, WEEKS, DRIFT]), "design.of[1].factors", "in part 0 too"),
    "factor in no part": (
        product([WEEKS, DRIFT], '"horizon_weeks" = [1]\n"shocks.btc_drift" = [0]\n"channels.repo" = [true]'),
        'factors."channels.repo"',
        "a part of the product names",
    ),
    "bad key of a part": (product([WEEKS, DRIFT + "\nseed = 3"]), "design.of[1].seed", "a known name"),
    "part sobol of 3": (
        product([WEEKS, DRIFT.replace("random", "sobol").replace("4", "3")]),
        "design.of[1].points",
        "2 or 4",
    ),
    # Factors
    "unknown field": (
        grid('"shocks.btc_volatilty" = [0.5]'),
        'factors."shocks.btc_volatilty"',
        "'shocks.btc_volatility'",
    ),
    "unknown machine": (grid('"machine.H10.kw" = [1.0]'), 'factors."machine.H10.kw"', "'machine.H100.kw'"),
    "a section": (grid("shocks = [1]"), 'factors."shocks"', "a field of scenario baseline_2026"),
    "an empty section": (grid("shocks = {}"), 'factors."shocks"', "at least one factor"),
    "inside a number": (grid('"horizon_weeks.x" = [1]'), 'factors."horizon_weeks.x"', "a field of scenario"),
    "the name": (grid('"name" = ["a", "b"]'), 'factors."name"', "results depend on"),
    "a single value": (grid('"horizon_weeks" = 52'), 'factors."horizon_weeks"', "a list of values"),
    "an empty list": (grid('"horizon_weeks" = []'), 'factors."horizon_weeks"', "at least one value"),
    "a value twice": (grid('"horizon_weeks" = [52, 104, 52.0]'), 'factors."horizon_weeks"', "given twice"),
    "a text twice": (
        sample('"secondary_market.rule" = ["deep", "deep"]'),
        'factors."secondary_market.rule"',
        "given twice",
    ),
    "a value out of bounds": (
        grid('"horizon_weeks" = [52, 1041]'),
        'factors."horizon_weeks"',
        "1 to 1040 [weeks]",
    ),
    "half a week": (grid('"horizon_weeks" = [52.5]'), 'factors."horizon_weeks"', "a whole number"),
    "a number as text": (grid('"horizon_weeks" = ["52"]'), 'factors."horizon_weeks"', "a whole number"),
    "NaN": (grid('"shocks.btc_volatility" = [nan]'), VOLATILITY, "a number from 0.0 to 3.0"),
    "a digit too many": (grid(f'"shocks.btc_volatility" = [1{"0" * 400}]'), VOLATILITY, "a number from"),
    "an unknown rule": (
        grid('"secondary_market.rule" = ["auction", "depp"]'),
        'factors."secondary_market.rule"',
        "one of 'auction', 'impact', 'deep'",
    ),
    "a switch as number": (grid('"channels.repo" = [1]'), 'factors."channels.repo"', "true or false"),
    "a short list of numbers": (
        grid('"costs.lease" = [[1, 2]]'),
        'factors."costs.lease"',
        "a list of 3 numbers",
    ),
    "a table that lacks sense": (
        grid('"shocks.forced_default" = [{ week = 3, machine = "H1" }]'),
        'factors."shocks.forced_default"',
        "'H100'",
    ),
    "a field inside a factor": (
        grid('"shocks.forced_default" = ["none"]\n"shocks.forced_default.week" = [3]'),
        'factors."shocks.forced_default.week"',
        "a field outside shocks.forced_default",
    ),
    "a factor twice": (
        grid('"shocks.btc_drift" = [0.1]\nshocks.btc_drift = [0.2]'),
        'factors."shocks.btc_drift"',
        "given twice",
    ),
    "no file of prices": (grid('"shocks.btc_path" = ["x.csv"]'), 'factors."shocks.btc_path"', "No such file"),
    "no scenario in a list": (grid('scenario = ["depp_market"]'), 'factors."scenario"', "'deep_market'"),
    "range of scenarios": (
        sample("scenario = { low = 1, high = 2 }"),
        'factors."scenario"',
        "a list of scenarios",
    ),
    "a scenario twice": (
        grid('scenario = ["deep_market", "deep_market"]'),
        'factors."scenario"',
        "given twice",
    ),
    "two scenarios of one name": (
        grid('scenario = ["a.toml", "twin/a.toml"]'),
        'factors."scenario"',
        "names that differ",
    ),
    # Ranges and distributions
    "range of texts": (
        sample('"secondary_market.rule" = { low = 1, high = 2 }'),
        'factors."secondary_market.rule"',
        "'auction', 'impact', 'deep'",
    ),
    "no high": (sample('"shocks.btc_volatility" = { low = 0.5 }'), f"{VOLATILITY}.high", "a number"),
    "high below low": (
        sample('"shocks.btc_volatility" = { low = 0.5, high = 0.4 }'),
        f"{VOLATILITY}.low",
        "below high",
    ),
    "unknown scale": (
        sample('"shocks.btc_volatility" = { low = 0.5, high = 0.8, scale = "ln" }'),
        f"{VOLATILITY}.scale",
        "'linear', 'log'",
    ),
    "log of zero": (
        sample('"shocks.btc_volatility" = { low = 0, high = 0.8, scale = "log" }'),
        f"{VOLATILITY}.low",
        "above 0",
    ),
    "another unit": (
        sample('"shocks.btc_volatility" = { low = 0.5, high = 0.8, unit = "1/yr" }'),
        f"{VOLATILITY}.unit",
        "'1/yr^0.5'",
    ),
    "range out of bounds": (
        sample('"shocks.btc_volatility" = { low = 0.5, high = 3.5 }'),
        f"{VOLATILITY}.high",
        "0.0 to 3.0 [1/yr^0.5]",
    ),
    "infinite range": (
        sample('"shocks.btc_volatility" = { low = 0, high = inf }'),
        f"{VOLATILITY}.high",
        "finite",
    ),
    "half weeks": (
        sample('"horizon_weeks" = { low = 1.5, high = 3 }'),
        'factors."horizon_weeks".low',
        "whole",
    ),
    "unknown distribution": (
        sample('"shocks.btc_volatility" = { distribution = "weibull", mean = 1 }'),
        f"{VOLATILITY}.distribution",
        "known are uniform",
    ),
    "parameter of another distribution": (
        sample('"shocks.btc_volatility" = { distribution = "normal", median = 1, sd = 0.1 }'),
        f"{VOLATILITY}.median",
        "'mean'",
    ),
    "no spread": (
        sample('"shocks.btc_volatility" = { distribution = "normal", mean = 1, sd = 0 }'),
        f"{VOLATILITY}.sd",
        "from",
    ),
    "all of it cut off": (
        sample('"shocks.btc_volatility" = { distribution = "normal", mean = -5, sd = 1 }'),
        VOLATILITY,
        "at least 1% of it between 0.0 and 3.0",
    ),
    "mode outside": (
        sample(
            '"shocks.btc_volatility" = { distribution = "triangular", low = 0.1, mode = 0.6, high = 0.5 }'
        ),
        f"{VOLATILITY}.mode",
        "from low to high",
    ),
    "end that the scenario refuses": (
        sample('"credit.btc_call_ltv" = { low = 0.7, high = 0.9 }'),
        'factors."credit.btc_call_ltv"',
        "less than btc_liquidation_ltv",
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with files that studies name."""
    place = tmp_path_factory.mktemp("studies")
    (place / "broken.toml").write_text('schema = 1\nbase = "baseline_2026"\n[shocks]\nbtc_drift = "x"\n')
    (place / "a.toml").write_text('schema = 1\nbase = "baseline_2026"\n')
    (place / "twin").mkdir()
    (place / "twin" / "a.toml").write_text('schema = 1\nbase = "deep_market"\n')
    (place / "head.csv").write_text("horizon_weeks\n")
    (place / "ragged.csv").write_text("horizon_weeks,channels.repo\n1,true\n2\n")
    (place / "text.csv").write_text("horizon_weeks\n1\ntwo\n")
    return place


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case, folder):
    text, field, allowed = REFUSED[case]
    file = folder / "mine.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        Study.load(file)
    error = caught.value
    assert error.field == field
    assert allowed in str(error)
    assert error.file == "mine.toml" or error.field == "study"
    assert "\n" not in str(error) and len(str(error)) <= 600
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_refused_sources(tmp_path):
    binary = tmp_path / "binary.toml"
    binary.write_bytes(bytes(range(128, 256)))
    cases = (
        (binary, "UTF-8"),
        (tmp_path, "this is a folder"),
        (tmp_path / "none.toml", "an existing"),
        ("a\0b", "TOML"),
    )
    for source, allowed in cases:
        with pytest.raises(StudyError, match=allowed) as caught:
            Study.load(source)
        assert caught.value.field == "study"
