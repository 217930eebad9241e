"""Machine flows of the week and the event log as HTML tables."""

from html import escape

from hashcredit.experiments.dashboard.market import Flow, Market

FLOW_WORDS = {
    "bought_new": "bought new",
    "seized": "seized",
    "on_sale": "on sale",
    "sold": "sold used",
    "abandoned": "given up",
}


def flows(market: Market) -> str:
    """What moved of each machine type in the last week, with a bar for each number."""
    when = f"in week {market.week - 1}" if market.week else ""
    head = f"<h3>Machines that moved {when} <small>units, by type</small></h3>"
    rows = market.flows
    if not rows:
        words = "no machine moved" if market.week else "no week is over yet"
        return f'<section class="flows">{head}<p class="nothing">{words}</p></section>'
    most = max(max(flow[1:]) for flow in rows)
    titles = "".join(f'<th scope="col">{words}</th>' for words in FLOW_WORDS.values())
    body = "".join(_flow_row(flow, most) for flow in rows)
    table = f'<table><thead><tr><th scope="col">type</th>{titles}</tr></thead><tbody>{body}</tbody></table>'
    return f'<section class="flows">{head}{table}</section>'


def _flow_row(flow: Flow, most: int) -> str:
    cells = "".join(
        f'<td><div class="bar {name}" style="width:{100.0 * getattr(flow, name) / most:.1f}%"></div>'
        f"<span>{getattr(flow, name):,}</span></td>"
        for name in FLOW_WORDS
    )
    return f'<tr><th scope="row">{escape(flow.machine)}</th>{cells}</tr>'


def log(market: Market, everything: bool) -> str:
    """The latest events, newest first."""
    rows = []
    for row in market.log(everything).itertuples(index=False):
        what = str(row.kind).replace("_", " ")
        cause = "" if row.cause == "none" else str(row.cause).replace("_", " ")
        channel = "" if row.channel == "none" else str(row.channel).replace("_", " ")
        units = f"{row.units:,} {row.machine}" if row.units else "" if row.machine == "none" else row.machine
        amount = f"{row.amount_musd:,.2f}" if row.amount_musd else ""
        cells = (
            f"{row.week}", what, row.agent_name, row.counterparty_name, units, amount, cause, channel
        )  # fmt: skip
        kind = ' class="failure"' if row.kind in ("default", "lender_failure") else ""
        rows.append(f"<tr{kind}>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>")
    if not rows:
        return '<p class="nothing">nothing so far</p>'
    titles = ("week", "event", "who", "with", "machines", "M$", "cause", "through")
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
