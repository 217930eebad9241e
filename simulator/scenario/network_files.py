"""Networks from files: the names of agents, and who may be linked with whom.

An agent is called by its kind and its number within the kind, from 0 on in the order of the tables:
`miner-0`, `neocloud-3`, `bank-1`, `private_credit-2`, `bond_fund-0`, `operator-5`, `broker-0`,
`refurbisher-1`, `scrap_dealer-2`.

A scenario names a file as `path#sha256=...`: an absolute path, and the hash of what it held when the
scenario was made. Reading it again with other content is an error, so that nothing is rebuilt from a file
that has changed; results depend on the hash, not on the place. The hash is filled in if it is missing.
"""

import difflib
import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcredit.agents.names import agent_name
from hashcredit.simulator.errors import ScenarioError
from hashcredit.simulator.inputs import read_regular
from hashcredit.simulator.scenario.fields.population import Population
from hashcredit.simulator.scenario.link_files import FORMATS, Links, read_links

Index = NDArray[np.int64]

BORROWERS = {"miner": "miners", "neocloud": "neoclouds"}
LENDERS = {"bank": "banks", "private_credit": "private_credit", "bond_fund": "bond_funds"}
BUYERS = {
    "operator": "operators",
    "broker": "brokers",
    "refurbisher": "refurbishers",
    "scrap_dealer": "scrap_dealers",
}
"""Kind of agent -> field of the population, in the order of the tables' rows."""

NETWORKS = ("credit", "trade", "interlender")

MOST_LINKS = 5_000_000
"""Largest network that is built; beyond it memory and minutes run away."""

_PINNED = re.compile(r"(.+)#sha256=([0-9a-f]{64})", re.DOTALL)


# The reference to a file


def located(reference: str, folder: Path) -> str:
    """The same reference with a path that does not depend on the working folder."""
    return reference if not reference.strip() else os.path.join(folder.absolute(), reference)


def pinned(field: str, reference: str) -> str:
    """The reference with an absolute path and the hash of the file; a hash that is given must be right."""
    _, found = _content_and_hash(field, reference)
    folder, name = os.path.split(path_of(reference))
    return f"{os.path.join(os.path.realpath(folder), name)}#sha256={found}"


def hash_of(reference: str | None) -> str | None:
    """What results depend on: the hash without the path."""
    return None if reference is None else _parts(reference)[1]


def beside(reference: str, name: str) -> str:
    """A reference to a copy of the same file under a name with the same ending."""
    path, expected = _parts(reference)
    return f"{name}{Path(path).suffix.lower()}#sha256={expected}"


def path_of(reference: str) -> Path:
    """The path of a reference without its hash."""
    return Path(_parts(reference)[0])


@lru_cache(maxsize=6)
def content_of(field: str, reference: str) -> bytes:
    """What the file held when the scenario was made, kept for as long as a run needs it."""
    return _content_and_hash(field, reference)[0]


def _content_and_hash(field: str, reference: str) -> tuple[bytes, str]:
    """What the file holds; refused if the reference has another hash."""
    path, expected = _parts(reference)
    content = _read(field, path)
    found = hashlib.sha256(content).hexdigest()
    if expected not in ("", found):
        allowed = f"the file that this scenario was made with (sha256 {expected[:16]}...); it has changed"
        raise ScenarioError(field, path, f"{allowed} (sha256 {found[:16]}...)")
    return content, found


def _parts(reference: str) -> tuple[str, str]:
    match = _PINNED.fullmatch(reference)
    return (match[1], match[2]) if match else (reference, "")


def _read(field: str, path: str) -> bytes:
    """Content of a file whose ending says what it is; the path must survive a scenario file."""
    file = Path(path)
    allowed = f"a path to a file that ends in {' or '.join(FORMATS)}, or 'none'"
    if not path.strip() or not path.isprintable():
        raise ScenarioError(field, path, allowed)
    try:
        if file.exists() and not file.is_file():
            raise ScenarioError(
                field, path, f"{allowed}; this is {'a folder' if file.is_dir() else 'no file'}"
            )
        if file.suffix.lower() not in FORMATS:
            raise ScenarioError(field, path, allowed)
        return read_regular(file)
    except OSError as error:
        raise ScenarioError(field, path, f"a readable file ({error.strerror}), or 'none'") from None


# Names


def agent_names(population: Population, kinds: dict[str, str]) -> list[str]:
    """Names of the agents of some kinds in the order of their rows."""
    counts = ((kind, getattr(population, field)) for kind, field in kinds.items())
    return [agent_name(kind, number) for kind, count in counts for number in range(count)]


class _Names(NamedTuple):
    """How many agents of each kind there are."""

    counts: dict[str, int]

    def rows(self, kinds: Iterable[str]) -> dict[str, int]:
        """First row of each kind in a table that holds these kinds in this order."""
        starts, row = {}, 0
        for kind in kinds:
            starts[kind] = row
            row += self.counts[kind]
        return starts

    def parse(self, name: str) -> tuple[str, int] | None:
        """Kind and number of a name, None if there is no such agent."""
        kind, _, number = name.rpartition("-")
        known = number.isdecimal() and number.isascii() and str(int(number[:18])) == number
        return (kind, int(number)) if known and int(number) < self.counts.get(kind, 0) else None

    def allowed(self, name: str) -> str:
        """Names that look like this one, and all that there are."""
        spans = [f"{kind}-0 to {kind}-{count - 1}" for kind, count in self.counts.items() if count]
        near = self._near(name)
        return (f"did you mean {near!r}? " if near else "") + "known are " + ", ".join(spans)

    def _near(self, name: str) -> str | None:
        match = re.fullmatch(r"(\D*?)[-_ ]*(\d{0,18})", name.strip().lower())
        if match is None:
            return None
        kinds = [kind for kind, count in self.counts.items() if count]
        kind = difflib.get_close_matches(match[1].replace("-", "_").replace(" ", "_"), kinds, 1, 0.6)
        return agent_name(kind[0], min(int(match[2] or 0), self.counts[kind[0]] - 1)) if kind else None


# From a file


def file_links(network: str, reference: str, population: Population) -> tuple[Index, Index]:
    """Links of a file as rows of two tables: (borrower, lender) for "credit", (seller, bidder) for "trade".

    For "interlender" they are (debtor, creditor), both lenders.

    Sellers are borrowers, then lenders; bidders are borrowers, then buyers. Raises ScenarioError for a name
    that is no agent's, a link of an agent with itself or between kinds that do not deal, a link given
    twice, and a borrower without a lender.
    """
    counts = tuple(getattr(population, field) for field in (BORROWERS | LENDERS | BUYERS).values())
    return _file_links(network, reference, counts)


@lru_cache(maxsize=6)
def _file_links(network: str, reference: str, counts: tuple[int, ...]) -> tuple[Index, Index]:
    field = f"networks.{network}_file"
    file = path_of(reference)
    links = read_links(field, file, content_of(field, reference))
    if len(links.source) > MOST_LINKS:
        raise ScenarioError(field, file.name, f"at most {MOST_LINKS:,} links, not {len(links.source):,}")
    names = _Names(dict(zip(BORROWERS | LENDERS | BUYERS, counts, strict=True)))
    check = _Check(field, file.name, names, links)
    left, right = getattr(check, network)()
    check.refuse_repetition(left, right)
    if network == "credit":
        check.refuse_borrowers_alone(left)
    for array in (left, right):
        array.flags.writeable = False  # it is handed out again
    return left, right


class _Check(NamedTuple):
    """Turns names into rows and refuses what cannot be."""

    field: str
    file: str
    names: _Names
    links: Links

    def refuse(self, value: str, allowed: str) -> ScenarioError:
        return ScenarioError(self.field, value, allowed)

    def agents(self) -> Iterator[tuple[tuple[str, int], tuple[str, int], str, int]]:
        """Kind and number of both ends, the link as text, and its line; nodes without a link first."""
        known: dict[str, tuple[str, int]] = {}
        source, target, lines = self.links.source, self.links.target, self.links.line
        ends = (
            (name, line) for link in zip(source, target, lines, strict=True) for name, line in _ends(*link)
        )
        for name, line in chain(self.links.nodes.items(), ends):
            if name not in known:
                agent = self.names.parse(name)
                if agent is None:
                    place = f"the name of an agent in line {line} of {self.file}"
                    raise self.refuse(name, f"{place}; {self.names.allowed(name)}")
                known[name] = agent
        for a, b, line in zip(source, target, lines, strict=True):
            if a == b:
                raise self.refuse(f"{a} -> {b}", f"two different agents in line {line} of {self.file}")
            yield known[a], known[b], f"{a} -> {b}", line

    def credit(self) -> tuple[Index, Index]:
        """Borrowers and lenders; a link may name either end first."""
        borrowers, lenders = self.names.rows(BORROWERS), self.names.rows(LENDERS)
        left, right = [], []
        for a, b, link, line in self.agents():
            if a[0] in LENDERS:
                a, b = b, a
            if a[0] not in BORROWERS or b[0] not in LENDERS:
                wanted = f"a borrower ({_either(BORROWERS)}) and a lender ({_either(LENDERS)})"
                raise self.refuse(link, f"{wanted} in line {line} of {self.file}")
            left.append(borrowers[a[0]] + a[1])
            right.append(lenders[b[0]] + b[1])
        return np.array(left, np.int64), np.array(right, np.int64)

    def trade(self) -> tuple[Index, Index]:
        """Sellers and bidders: a link leads from who sells to who may bid."""
        self.refuse_undirected("a seller to a bidder")
        sellers, bidders = self.names.rows(BORROWERS | LENDERS), self.names.rows(BORROWERS | BUYERS)
        left, right = [], []
        for a, b, link, line in self.agents():
            if a[0] not in sellers or b[0] not in bidders:
                wanted = f"a seller ({_either(sellers)}) and then a bidder ({_either(bidders)})"
                raise self.refuse(link, f"{wanted} in line {line} of {self.file}")
            left.append(sellers[a[0]] + a[1])
            right.append(bidders[b[0]] + b[1])
        return np.array(left, np.int64), np.array(right, np.int64)

    def interlender(self) -> tuple[Index, Index]:
        """Debtors and creditors: a link leads from who owes to whom it owes."""
        self.refuse_undirected("a debtor to a creditor")
        lenders = self.names.rows(LENDERS)
        left, right = [], []
        for a, b, link, line in self.agents():
            if a[0] not in lenders or b[0] not in lenders:
                wanted = f"two lenders ({_either(LENDERS)})"
                raise self.refuse(link, f"{wanted} in line {line} of {self.file}")
            left.append(lenders[a[0]] + a[1])
            right.append(lenders[b[0]] + b[1])
        return np.array(left, np.int64), np.array(right, np.int64)

    def refuse_undirected(self, ends: str) -> None:
        """A link must say where it leads."""
        if self.links.undirected:
            line = self.links.undirected
            wanted = f"a directed graph, since a link leads from {ends}"
            raise self.refuse("undirected", f"{wanted}; see line {line} of {self.file}")

    def refuse_repetition(self, left: Index, right: Index) -> None:
        """Each link once: a file that repeats itself was put together by mistake."""
        order = np.lexsort((right, left))
        same = (np.diff(left[order]) == 0) & (np.diff(right[order]) == 0)
        if same.any():
            later = order[1:][same]
            place = int(np.argmin(later))
            first, second = int(order[:-1][same][place]), int(later[place])
            lines = self.links.line
            allowed = f"each link once; line {lines[second]} of {self.file} repeats line {lines[first]}"
            raise self.refuse(f"{self.links.source[second]} -> {self.links.target[second]}", allowed)

    def refuse_borrowers_alone(self, borrowers: Index) -> None:
        """Somebody has to hold the loans that a borrower opens with."""
        miners, neoclouds = (self.names.counts[kind] for kind in BORROWERS)
        alone = np.setdiff1d(np.arange(miners + neoclouds), borrowers)
        if alone.size:
            first = int(alone[0])
            name = agent_name("miner", first) if first < miners else agent_name("neocloud", first - miners)
            more = f" ({alone.size:,} borrowers have none)" if alone.size > 1 else ""
            raise self.refuse(name, f"at least one lender for every borrower in {self.file}{more}")


def _ends(source: str, target: str, line: int) -> tuple[tuple[str, int], tuple[str, int]]:
    return (source, line), (target, line)


def _either(kinds: Iterable[str]) -> str:
    *first, last = kinds
    return f"{', '.join(first)} or {last}"
