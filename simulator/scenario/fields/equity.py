"""Scenario section of share issues."""

from hashcredit.simulator.scenario.fields.base import Section, quantity


class Equity(Section):
    """Which borrowers can sell shares, when, and how much."""

    listed_miners: float = quantity(
        0.6, unit="fraction", low=0.0, high=1.0, meaning="share of miners whose shares are listed"
    )
    listed_neoclouds: float = quantity(
        0.2, unit="fraction", low=0.0, high=1.0, meaning="share of neo-clouds whose shares are listed"
    )
    average_weeks: float = quantity(
        26.0,
        unit="weeks",
        low=1.0,
        high=520.0,
        meaning="memory of the trailing means of BTC and compute rents",
    )
    window_tolerance: float = quantity(
        0.10,
        unit="fraction",
        low=-1.0,
        high=1.0,
        meaning="fall of BTC (miners) or rents (neo-clouds) below its trailing mean that closes the window",
    )
    issue_share: float = quantity(
        0.05,
        unit="fraction",
        low=0.0,
        high=1.0,
        meaning="largest issue as a share of the borrower's equity at appraisal",
    )
    spacing_weeks: int = quantity(13, unit="weeks", low=1, high=520, meaning="weeks between two issues")
    low_weeks: float = quantity(
        4.0,
        unit="weeks",
        low=0.0,
        high=104.0,
        meaning="obligations in cash below which a borrower sells shares to refill its buffer",
    )
