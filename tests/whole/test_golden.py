"""No result changes unnoticed: every scenario reports what the stored fingerprints say."""

import pytest
from fingerprints import STORED, Fingerprint, cases, differences, fingerprint, fingerprints, main, read

NAMES = list(cases())


@pytest.mark.parametrize("case", NAMES)
def test_results_are_the_stored_ones(case):
    """To nine digits, since other processors round otherwise; `--against` compares bits on one machine."""
    stored = [row for row in read(STORED) if row.case == case and row.table != "contagion"]
    assert stored
    assert differences(fingerprints([case]), stored, bits=False) == []


def test_every_stored_case_is_compared():
    assert {row.case for row in read(STORED)} == set(NAMES)


def test_a_digit_that_changes_is_named():
    one = fingerprint("case", "table", "column", [1.0, 2.0])
    other = fingerprint("case", "table", "column", [1.0, 2.0 + 1e-8])
    swapped = fingerprint("case", "table", "column", [2.0, 1.0])
    assert differences([one], [one], bits=True) == []
    for changed in (other, swapped):
        (line,) = differences([changed], [one], bits=False)
        assert line.startswith("case.table.column: 2 rows")
        assert differences([changed], [one], bits=True)
    last_bit = fingerprint("case", "table", "column", [1.0, 2.0 + 4e-16])
    assert differences([last_bit], [one], bits=False) == []
    assert differences([last_bit], [one], bits=True)


def test_columns_that_come_and_go_are_named():
    row = Fingerprint("case", "table", "column", 1, 1.0, 1.0, 1.0, "0")
    assert differences([], [row], bits=False) == ["case.table.column: not there any more"]
    assert differences([row], [], bits=False) == ["case.table.column: new"]


def test_refreshing_needs_a_reason_in_the_changelog(capsys):
    assert main(["--refresh", "because I say so"]) == 2
    assert "the changelog does not say" in capsys.readouterr().err
