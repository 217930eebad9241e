"""The networks of a market as NetworkX graphs, for looking at; the simulation itself runs on CSR arrays."""

from collections.abc import Iterable, Sequence

import networkx as nx
import numpy as np

from hashcredit.agents.dimensions import LoanStatus
from hashcredit.agents.views import View
from hashcredit.simulator.state.economy import Economy


def credit_graph(economy: Economy, borrowers: Sequence[View], lenders: Sequence[View]) -> nx.Graph:
    """Borrowers and lenders who know each other, with the face (M$) and the number of loans between them."""
    graph = nx.Graph()
    _add_agents(graph, [*borrowers, *lenders])
    start = economy.credit_start
    for b, borrower in enumerate(borrowers):
        for index in economy.credit_lender[start[b] : start[b + 1]]:
            graph.add_edge(borrower.name, lenders[index].name, face=0.0, loans=0)
    live = np.isin(economy.loans["status"], (LoanStatus.PERFORMING, LoanStatus.DEFAULTED))
    for loan in economy.loans[live]:
        pair = borrowers[loan["obligor"]].name, lenders[loan["holder"]].name
        edge = graph.edges[pair] if graph.has_edge(*pair) else {"face": 0.0, "loans": 0}
        graph.add_edge(*pair, face=edge["face"] + float(loan["principal"]), loans=edge["loans"] + 1)
    return nx.freeze(graph)


def trade_graph(
    economy: Economy, borrowers: Sequence[View], lenders: Sequence[View], buyers: Sequence[View]
) -> nx.DiGraph:
    """From each seller of used machines (borrowers and lenders) to the bidders who know of its sales."""
    graph = nx.DiGraph()
    _add_agents(graph, [*borrowers, *lenders, *buyers])
    sellers = [*borrowers, *lenders]
    start = economy.trade_start
    for place, bidder in enumerate([*borrowers, *buyers]):
        for node in economy.trade_seller[start[place] : start[place + 1]]:
            graph.add_edge(sellers[node].name, bidder.name)
    return nx.freeze(graph)


def _add_agents(graph: nx.Graph, agents: Iterable[View]) -> None:
    """A node for each agent, by name."""
    for agent in agents:
        graph.add_node(agent.name, table=agent.table, row=agent.row, kind=agent.kind)
