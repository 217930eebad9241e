"""Lists of links as files: CSV with the columns source,target, and GraphML. Only names here, no agents.

Both keep the line of each link, so that whoever checks the names can say where a wrong one stands. A link
carries nothing but its two ends: a weight that would be ignored is refused.
"""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from hashcredit.simulator.errors import ScenarioError

FORMATS = (".graphml", ".csv")
HEAD = ["source", "target"]
NAMESPACE = "http://graphml.graphdrawing.org/xmlns"


class Links(NamedTuple):
    """Ends of each link by name, the line it stands in, and the names that a file lists without a link."""

    source: list[str]
    target: list[str]
    line: list[int]
    nodes: dict[str, int]  # name -> line
    undirected: int  # line of the first link without a direction, 0 if there is none or no telling


def read_links(field: str, file: Path, content: bytes) -> Links:
    """Links of a file by its ending; the error names the file and the line."""
    links = (_read_csv if file.suffix.lower() == ".csv" else _read_graphml)(field, file, content)
    if not links.source:
        raise ScenarioError(field, file.name, "a file with at least one link")
    return links


def _read_csv(field: str, file: Path, content: bytes) -> Links:
    """Two columns, source and target; blank lines and blanks around names do not count."""
    try:
        text = content.decode("utf-8-sig")  # spreadsheets begin a file with a mark
    except UnicodeDecodeError:
        raise ScenarioError(field, file.name, "a CSV file in UTF-8; this is a binary file") from None
    links = Links([], [], [], {}, 0)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    head: list[str] | None = None
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if head is None:
                head = cells
                _check_head(field, file, head)
                continue
            if len(cells) != 2 or not all(cells):
                wanted = f"two names, source and target, in line {reader.line_num} of {file.name}"
                raise ScenarioError(field, ",".join(row), wanted)
            links.source.append(cells[0])
            links.target.append(cells[1])
            links.line.append(reader.line_num)
    except csv.Error as error:
        wanted = f"a valid CSV file; line {reader.line_num}: {error}"
        raise ScenarioError(field, file.name, wanted) from None
    if head is None:
        raise ScenarioError(field, file.name, "a CSV file whose first line is source,target; this is empty")
    return links


def _check_head(field: str, file: Path, head: list[str]) -> None:
    if head != HEAD:
        wanted = f"source,target as the first line of {file.name} and no other column: links carry no weights"
        raise ScenarioError(field, ",".join(head), wanted)


class _GraphmlReader:
    """Collects nodes and links while expat walks through a document."""

    def __init__(self, field: str, file: Path) -> None:
        self.links = Links([], [], [], {}, 0)
        self.field, self.file = field, file
        self.open: list[str] = []
        self.directed = True
        self.graphs = 0
        self.undirected = 0
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end

    def refuse(self, value: str, allowed: str) -> ScenarioError:
        line = self.parser.CurrentLineNumber
        return ScenarioError(self.field, value, f"{allowed} in line {line} of {self.file.name}")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(" ")[2]
        parent = self.open[-1] if self.open else ""
        self.open.append(name)
        if not parent and name != "graphml":
            raise self.refuse(f"<{name}>", "<graphml> as the outermost element")
        if name == "graph":
            self.start_graph(attributes)
        elif name == "node":
            self.start_node(attributes)
        elif name == "edge":
            self.start_edge(attributes)
        elif name in ("hyperedge", "port"):
            raise self.refuse(f"<{name}>", "nodes and edges only")
        elif name == "data" and parent == "edge":
            key = f"{self.links.source[-1]} -> {self.links.target[-1]}"
            raise self.refuse(key, "a link without data: links carry no weights; found <data>")

    def end(self, _: str) -> None:
        self.open.pop()

    def start_graph(self, attributes: dict[str, str]) -> None:
        self.graphs += 1
        if self.graphs > 1:
            raise self.refuse("<graph>", "one graph; found a second one")
        default = attributes.get("edgedefault", "(missing)")
        if default not in ("directed", "undirected"):
            raise self.refuse(default, "edgedefault = 'directed' or 'undirected'")
        self.directed = default == "directed"

    def start_node(self, attributes: dict[str, str]) -> None:
        name = attributes.get("id", "").strip()
        if not name or name in self.links.nodes:
            raise self.refuse(name or "<node>", "a node with an id of its own")
        self.links.nodes[name] = self.parser.CurrentLineNumber

    def start_edge(self, attributes: dict[str, str]) -> None:
        ends = [attributes.get(end, "").strip() for end in HEAD]
        if not all(ends):
            raise self.refuse(
                " -> ".join(end or "(missing)" for end in ends), "an edge with source and target"
            )
        line = self.parser.CurrentLineNumber
        directed = attributes.get("directed", "true" if self.directed else "false") == "true"
        if not directed and not self.undirected:
            self.undirected = line
        self.links.source.append(ends[0])
        self.links.target.append(ends[1])
        self.links.line.append(line)


def _read_graphml(field: str, file: Path, content: bytes) -> Links:
    """Nodes by their id and edges; other data of nodes is left alone."""
    reader = _GraphmlReader(field, file)
    try:
        reader.parser.Parse(content, True)
    except expat.ExpatError as error:
        raise ScenarioError(field, file.name, f"valid GraphML; {error}") from None
    except (LookupError, ValueError) as error:  # an encoding that Python does not know
        raise ScenarioError(field, file.name, f"valid GraphML; {error}") from None
    if not reader.graphs:
        raise ScenarioError(field, file.name, "GraphML with a <graph>")
    return reader.links._replace(undirected=reader.undirected)


def csv_text(links: Iterable[tuple[str, str]]) -> str:
    """Links as CSV with the columns source and target."""
    return "source,target\n" + "".join(f"{source},{target}\n" for source, target in links)


def graphml_text(nodes: Iterable[tuple[str, str]], links: Iterable[tuple[str, str]]) -> str:
    """Links as a directed graph in GraphML; `nodes` are pairs of a name and the kind of agent."""
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<graphml xmlns="{NAMESPACE}">',
        '<key id="kind" for="node" attr.name="kind" attr.type="string"/>',
        '<graph edgedefault="directed">',
    ]
    lines += [f'<node id={quoteattr(name)}><data key="kind">{kind}</data></node>' for name, kind in nodes]
    lines += [f"<edge source={quoteattr(a)} target={quoteattr(b)}/>" for a, b in links]
    return "\n".join([*lines, "</graph>", "</graphml>", ""])
