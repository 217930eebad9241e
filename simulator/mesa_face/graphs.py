"""The networks of a market as NetworkX graphs, for looking at; the simulation itself runs on CSR arrays."""

from typing import TYPE_CHECKING

import numpy as np

from hashcredit.agents.dimensions import LoanStatus

if TYPE_CHECKING:
    import networkx as nx

    from hashcredit.simulator.mesa_face.model import MarketModel


def credit_graph(model: "MarketModel") -> "nx.Graph":
    """Borrowers and lenders who know each other, with the face (M$) and the number of loans between them."""
    import networkx as nx

    economy = model.economy
    graph = nx.Graph()
    for agent in (*model.borrowers, *model.lenders):
        graph.add_node(agent.name, table=agent.table, row=agent.row, kind=agent.kind)
    start = economy.credit_start
    for b, borrower in enumerate(model.borrowers):
        for index in economy.credit_lender[start[b] : start[b + 1]]:
            graph.add_edge(borrower.name, model.lenders[index].name, face=0.0, loans=0)
    live = np.isin(economy.loans["status"], (LoanStatus.PERFORMING, LoanStatus.DEFAULTED))
    for loan in economy.loans[live]:
        pair = model.borrowers[loan["obligor"]].name, model.lenders[loan["holder"]].name
        edge = graph.edges[pair] if graph.has_edge(*pair) else {"face": 0.0, "loans": 0}
        graph.add_edge(*pair, face=edge["face"] + float(loan["principal"]), loans=edge["loans"] + 1)
    return nx.freeze(graph)


def trade_graph(model: "MarketModel") -> "nx.DiGraph":
    """From each seller of used machines (borrowers and lenders) to the bidders who know of its sales."""
    import networkx as nx

    economy = model.economy
    graph = nx.DiGraph()
    for agent in (*model.borrowers, *model.lenders, *model.buyers):
        graph.add_node(agent.name, table=agent.table, row=agent.row, kind=agent.kind)
    sellers = [*model.borrowers, *model.lenders]
    start = economy.trade_start
    for place, bidder in enumerate([*model.borrowers, *model.buyers]):
        for node in economy.trade_seller[start[place] : start[place + 1]]:
            graph.add_edge(sellers[node].name, bidder.name)
    return nx.freeze(graph)
