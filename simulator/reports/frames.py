"""Turning structured tables into DataFrames with readable columns and units."""

from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from hashcredit.agents.dimensions import (
    ORDERS,
    Belief,
    BorrowerKind,
    BorrowerStatus,
    BuyerKind,
    Cause,
    Channel,
    Cooling,
    Instrument,
    LenderKind,
    LenderStatus,
    LoanStatus,
    MachineKind,
)
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.state.tables import EventKind, Flow, Revaluation, Sector
from hashcredit.simulator.week.observables import Column, MachineColumn

if TYPE_CHECKING:
    import pandas as pd

CODES: dict[tuple[str, str], type[IntEnum]] = {
    ("borrowers", "kind"): BorrowerKind,
    ("borrowers", "status"): BorrowerStatus,
    ("borrowers", "cause"): Cause,
    ("borrowers", "trigger_channel"): Channel,
    ("lenders", "kind"): LenderKind,
    ("lenders", "status"): LenderStatus,
    ("lenders", "belief"): Belief,
    ("buyers", "kind"): BuyerKind,
    ("loans", "status"): LoanStatus,
    ("loans", "instrument"): Instrument,
    ("machines", "kind"): MachineKind,
    ("machines", "cooling"): Cooling,
}
"""Columns that hold codes, and what the codes mean."""

HIDDEN = frozenset(
    {
        "sector",
        "used",
        "cfads",
        "service",
        "cfads_window",
        "service_window",
        "pending_cause",
        "pending_channel",
        "pending_parent",
        "week_interest",
        "slot_credit",
        "settling",
        "failure_event",
        "news",
        "news_value",
        "last_appraisal",
    }
)
"""Working fields that are no part of the reported tables."""

BY_MACHINE = frozenset({"units", "book", "offered"})
SECTOR_NAMES = [sector.name.lower() for sector in Sector]
AGENT_TABLES = ("borrowers", "lenders", "buyers")


def slug(name: str) -> str:
    """A machine's name as it appears in column names."""
    return name.lower().replace(" ", "_")


def names_of(codes: type[IntEnum], values: np.ndarray) -> np.ndarray:
    """Lower-case names of code values."""
    lookup = {member.value: member.name.lower() for member in codes}
    return np.array([lookup.get(int(value), "") for value in values], dtype=object)


def _columns(table: str, rows: np.ndarray, machines: list[str]) -> "dict[str, Any]":
    columns: dict[str, Any] = {}
    for field in rows.dtype.names or ():
        if field in HIDDEN:
            continue
        values = rows[field]
        if (table, field) in CODES:
            columns[field] = names_of(CODES[table, field], values)
        elif values.ndim == 1:
            columns[field] = values.copy()
        elif field in BY_MACHINE and table in AGENT_TABLES:
            for m, name in enumerate(machines):
                columns[f"{field}_{slug(name)}"] = values[:, m].copy()
        elif field in ("debt", "loans"):
            for instrument in Instrument:
                columns[f"{field}_{instrument.name.lower()}"] = values[:, instrument].copy()
        elif field in ("slots", "racked", "slots_target"):
            for cooling in Cooling:
                columns[f"{field}_{cooling.name.lower()}"] = values[:, cooling].copy()
    return columns


def table_frames(economy: Economy, machines: list[str]) -> "dict[str, pd.DataFrame]":
    """DataFrames of borrowers, lenders, buyers, loans (live and past rows), open orders and machines."""
    import pandas as pd

    result = {name: pd.DataFrame(_columns(name, getattr(economy, name), machines)) for name in AGENT_TABLES}
    loans = economy.loans[economy.loans["status"] != LoanStatus.EMPTY]
    frame = pd.DataFrame(_columns("loans", loans, machines))
    frame.insert(0, "row", np.flatnonzero(economy.loans["status"] != LoanStatus.EMPTY))
    frame["machine"] = _machine_names(loans["machine"], machines)
    result["loans"] = frame
    is_open = economy.orders["units"] > 0
    frame = pd.DataFrame(_columns("orders", economy.orders[is_open], machines))
    frame.insert(0, "row", np.flatnonzero(is_open))
    frame.insert(1, "borrower", np.flatnonzero(is_open) // ORDERS)
    frame["machine"] = _machine_names(economy.orders["machine"][is_open], machines)
    result["orders"] = frame
    rows = economy.machines[: len(machines)]
    frame = pd.DataFrame(_columns("machines", rows, machines))
    frame.insert(0, "name", machines)
    result["machines"] = frame.rename(
        columns={"delivered": "units_delivered", "scrapped": "units_scrapped"}
    ).drop(columns=["trigger", "launches", "inventory"])
    return result


def _machine_names(indices: np.ndarray, machines: list[str]) -> np.ndarray:
    return np.array([machines[i] if i >= 0 else "" for i in indices], dtype=object)


def series_frame(series: np.ndarray, machines: list[str]) -> "pd.DataFrame":
    """The weekly series with named columns."""
    import pandas as pd

    names = [column.name.lower() for column in Column]
    for machine in machines:
        names += [f"{column.name.lower()}_{slug(machine)}" for column in MachineColumn]
    columns = {}
    for name, values in zip(names, series.T, strict=True):
        is_whole = name.startswith(("alive_", "defaults_", "units_"))
        columns[name] = values.astype(np.int64 if is_whole else np.float64)
    return pd.DataFrame(columns, index=pd.RangeIndex(len(series), name="week"))


def events_frame(events: np.ndarray, machines: list[str]) -> "pd.DataFrame":
    """The event log with names for codes; prices in USD."""
    import pandas as pd

    return pd.DataFrame(
        {
            "week": events["week"].copy(),
            "kind": names_of(EventKind, events["kind"]),
            "agent_kind": names_of(Sector, events["agent_kind"]),
            "agent": events["agent"].copy(),
            "counterparty_kind": names_of(Sector, events["counterparty_kind"]),
            "counterparty": events["counterparty"].copy(),
            "machine": _machine_names(events["machine"], machines),
            "units": events["units"].copy(),
            "amount_musd": events["amount"].copy(),
            "price": events["price"] * 1e6,
            "cause": names_of(Cause, events["cause"]),
            "channel": names_of(Channel, events["channel"]),
            "parent": events["parent"].copy(),
        }
    )


def sector_cash(economy: Economy) -> np.ndarray:
    """Cash by sector, M$."""
    cash = np.zeros(len(Sector))
    for sector in (Sector.MINERS, Sector.NEOCLOUDS):
        cash[sector] = economy.borrowers["cash"][economy.borrowers["sector"] == sector].sum()
    cash[Sector.LENDERS] = economy.lenders["cash"].sum()
    cash[Sector.BUYERS] = economy.buyers["cash"].sum()
    cash[Sector.REST_OF_WORLD :] = economy.world["cash"]
    return cash


def flow_frame(before: Economy, after: Economy) -> "pd.DataFrame":
    """Kinds of payment by sector, closed by the change in cash that the accounts show (negated)."""
    import pandas as pd

    frame = pd.DataFrame(after.flows, index=[flow.name.lower() for flow in Flow], columns=SECTOR_NAMES)
    frame.loc["change in cash"] = -(sector_cash(after) - sector_cash(before))
    frame.index.name = "flow"
    return frame


def revaluation_frame(economy: Economy) -> "pd.DataFrame":
    """Kinds of revaluation by sector, M$."""
    import pandas as pd

    names = [kind.name.lower() for kind in Revaluation]
    frame = pd.DataFrame(economy.revaluations.copy(), index=names, columns=SECTOR_NAMES)
    frame.index.name = "revaluation"
    return frame
