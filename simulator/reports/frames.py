"""Turning structured tables into DataFrames with readable columns and units."""

from collections.abc import Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from hashcredit.agents.dimensions import (
    CONTRACTS,
    ORDERS,
    BorrowerKind,
    BuyerKind,
    Cause,
    Channel,
    LenderKind,
    LoanStatus,
)
from hashcredit.agents.names import names_of_rows
from hashcredit.agents.rows import Names, Types, columns_of
from hashcredit.agents.units import USD
from hashcredit.simulator.state.arrays import FIELDS
from hashcredit.simulator.state.codes import EventKind, Flow, Revaluation, Sector
from hashcredit.simulator.state.economy import Economy
from hashcredit.simulator.state.series import series_columns, slug

if TYPE_CHECKING:
    import pandas as pd

SECTOR_NAMES = [sector.name.lower() for sector in Sector]
AGENT_TABLES = {"borrowers": BorrowerKind, "lenders": LenderKind, "buyers": BuyerKind}
"""Tables of agents, with what the codes of their column `kind` mean."""
TABLE_OF = {
    Sector.MINERS: "borrowers",
    Sector.NEOCLOUDS: "borrowers",
    Sector.LENDERS: "lenders",
    Sector.BUYERS: "buyers",
}
"""Where the agents of a sector have their rows."""

AgentNames = Mapping[str, np.ndarray]
"""Names of the agents of each table, object [row]."""


def names_of(codes: type[IntEnum], values: np.ndarray) -> np.ndarray:
    """Lower-case names of code values."""
    lookup = {member.value: member.name.lower() for member in codes}
    return np.array([lookup.get(int(value), "") for value in values], dtype=object)


def agent_names(economy: Economy) -> AgentNames:
    """What the agents of each table are called, in the order of their rows."""
    return {
        table: names_of_rows(getattr(economy, table)["kind"], codes) for table, codes in AGENT_TABLES.items()
    }


def _names(kind: Names, machines: list[str]) -> list[str]:
    """What the members of a kind are called in column names."""
    if isinstance(kind, Types):
        return [slug(name) for name in machines]
    return [member.name.lower() for member in kind]


def reported(table: str, rows: np.ndarray, machines: list[str]) -> "dict[str, Any]":
    """The reported columns of some rows of a table."""
    columns: dict[str, Any] = {}
    for column in columns_of(FIELDS[table].dtype):
        values, name = rows[column.name], column.label or column.name
        if not column.is_reported:
            continue
        if column.by is not None:
            for place, member in enumerate(_names(column.by, machines)):
                columns[f"{name}_{member}"] = values[:, place].copy()
        elif column.codes is None:
            columns[name] = values.copy()
        elif isinstance(column.codes, Types):
            columns[name] = _machine_names(values, machines)
        else:
            columns[name] = names_of(column.codes, values)
    return columns


def table_frames(economy: Economy, machines: list[str]) -> "dict[str, pd.DataFrame]":
    """DataFrames of agents, loans (live and past rows), running contracts, open orders and machines.

    Agents have their `row`, which loans, contracts, orders and events refer to, and their `name`.
    """
    import pandas as pd

    names = agent_names(economy)
    result = {}
    for name in AGENT_TABLES:
        frame = pd.DataFrame(reported(name, getattr(economy, name), machines))
        frame.insert(0, "row", np.arange(len(frame)))
        frame.insert(1, "name", names[name])
        result[name] = frame
    loans = economy.loans[economy.loans["status"] != LoanStatus.EMPTY]
    frame = pd.DataFrame(reported("loans", loans, machines))
    frame.insert(0, "row", np.flatnonzero(economy.loans["status"] != LoanStatus.EMPTY))
    for column, table in (("obligor", "borrowers"), ("holder", "lenders")):
        insert_names(frame, column, names[table])
    result["loans"] = frame
    for name, rows_each in (("contracts", CONTRACTS), ("orders", ORDERS)):
        table = getattr(economy, name)
        is_open = table["units"] > 0
        frame = pd.DataFrame(reported(name, table[is_open], machines))
        frame.insert(0, "row", np.flatnonzero(is_open))
        frame.insert(1, "borrower", np.flatnonzero(is_open) // rows_each)
        insert_names(frame, "borrower", names["borrowers"])
        result[name] = frame
    rows = economy.machines[: len(machines)]
    frame = pd.DataFrame(reported("machines", rows, machines))
    frame.insert(0, "name", machines)
    result["machines"] = frame
    return result


def insert_names(frame: "pd.DataFrame", column: str, names: np.ndarray) -> None:
    """Put the names of the agents whose rows a column has right behind it, as `<column>_name`."""
    place = int(frame.columns.get_indexer([column])[0]) + 1
    frame.insert(place, f"{column}_name", names[frame[column].to_numpy()])


def _machine_names(indices: np.ndarray, machines: list[str]) -> np.ndarray:
    return np.array([machines[i] if i >= 0 else "" for i in indices], dtype=object)


def series_frame(series: np.ndarray, machines: list[str]) -> "pd.DataFrame":
    """The weekly series with named columns."""
    import pandas as pd

    columns = {
        name: values.astype(np.int64 if column.is_whole else np.float64)
        for (name, column), values in zip(series_columns(machines).items(), series.T, strict=True)
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(len(series), name="week"))


def events_frame(events: np.ndarray, machines: list[str], agents: AgentNames) -> "pd.DataFrame":
    """The event log with names for codes; prices in USD."""
    import pandas as pd

    return pd.DataFrame(
        {
            "week": events["week"].copy(),
            "kind": names_of(EventKind, events["kind"]),
            "agent_kind": names_of(Sector, events["agent_kind"]),
            "agent": events["agent"].copy(),
            "agent_name": _party_names(events["agent_kind"], events["agent"], agents),
            "counterparty_kind": names_of(Sector, events["counterparty_kind"]),
            "counterparty": events["counterparty"].copy(),
            "counterparty_name": _party_names(events["counterparty_kind"], events["counterparty"], agents),
            "machine": _machine_names(events["machine"], machines),
            "units": events["units"].copy(),
            "amount_musd": events["amount"].copy(),
            "price": events["price"] * USD,
            "cause": names_of(Cause, events["cause"]),
            "channel": names_of(Channel, events["channel"]),
            "parent": events["parent"].copy(),
        }
    )


def _party_names(sectors: np.ndarray, rows: np.ndarray, agents: AgentNames) -> np.ndarray:
    """Names of the agents in some rows of their sectors' tables; empty for nobody and the world outside."""
    names = np.full(len(rows), "", dtype=object)
    for sector, table in TABLE_OF.items():
        mine = (sectors == sector) & (rows >= 0)
        names[mine] = agents[table][rows[mine]]
    return names


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
