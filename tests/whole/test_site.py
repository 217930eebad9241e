"""The documentation as a site: no warning, no link that leads nowhere, nothing loaded from elsewhere."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from urllib.parse import unquote

import pytest
from pages import PAGES
from repository import ROOT

import hashcredit.experiments
import hashcredit.simulator
import hashcredit.simulator.contagion

pytest.importorskip("sphinx", reason="the extra `docs` is not installed")

LOADING = {"img": "src", "script": "src", "iframe": "src", "source": "src", "video": "src", "object": "data"}
"""What a browser loads by itself; of links those to style sheets, icons and fonts."""

LEFT_OUT = {"genindex.html", "search.html", "py-modindex.html", "index.html"}
"""Files that are no pages of ours."""


class Html(HTMLParser):
    """Anchors, links and loads of a file."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.anchors |= {values[name] for name in ("id", "name") if values.get(name)}
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        if tag == "link" and values.get("rel") not in ("index", "search", "next", "prev", "canonical"):
            self.loads.append(values["href"])
        if values.get(LOADING.get(tag, "")):
            self.loads.append(values[LOADING[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site; a warning is an error, and one of them is a page that the navigation does not have."""
    folder = tmp_path_factory.mktemp("site")
    command = ["-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet", "--jobs", "2"]
    done = subprocess.run(
        [sys.executable, *command, "-c", "docs/site", "-d", str(folder / "trees"), ".", str(folder / "html")],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


@pytest.fixture(scope="module")
def files(site):
    """Each HTML file of the site."""
    return {path: Html(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}


def hook(name):
    """A module of those that Sphinx calls."""
    spec = spec_from_file_location(name, ROOT / "docs" / "site" / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_names_and_meanings_of_a_docstring_become_a_list():
    listed = hook("docstrings").listed
    text = (
        "price, margin   at the start, where\n                the loan is made\n"
        "sold      [b]   if it sold\ncash, sold_out [b] rest\n"
    )
    assert listed(text) == (
        "* **price, margin**: at the start, where the loan is made\n* **sold**: [b]   if it sold\n"
        "* **cash, sold_out**: [b] rest\n"
    )
    for prose in ("One line.\nAnd another,  with two blanks.", "Holdings [b] at the price"):
        assert listed(prose) == prose


def test_a_page_with_several_titles_has_one():
    text = "# The model\n\n```sh\n# no heading\n```\n\n# Overview\n\n## Purpose\n"
    one = "# The model\n\n```sh\n# no heading\n```\n\n## Overview\n\n### Purpose\n"
    assert hook("navigation").one_title(text) == one
    assert hook("navigation").one_title(one) == one


def test_the_navigation_is_read_off_the_pages_that_list_others():
    rows = "- [Quick start](../README.md): see [runs](runs.md).\n- [Runs](runs.md): all.\n"
    source = [f"# Home\n\n**Start**\n\n{rows}"]
    hook("navigation").add_children(None, "docs/index", source)
    options = ":hidden:\n:titlesonly:\n:caption: Start"
    assert source[0].endswith(f"{{toctree}}\n{options}\n\nQuick start </README>\nRuns </docs/runs>\n```\n")


def test_every_page_is_built(site):
    built = {path.relative_to(site).with_suffix(".md").as_posix() for path in site.rglob("*.html")}
    assert {page.relative_to(ROOT).as_posix() for page in PAGES} <= built


def test_every_page_is_reached_from_the_navigation(site, files):
    """From the side bar of the home page alone, all parts of it unfolded."""
    home = (site / "docs" / "index.html").read_text(encoding="utf-8")
    (tree,) = re.findall(r'<div class="sidebar-tree">.*?</div>\s*</div>', home, re.DOTALL)
    reached = {
        (site / "docs" / link.partition("#")[0]).resolve() for link in re.findall(r'href="([^"]+)"', tree)
    }
    pages = {path.resolve() for path in files if path.name not in LEFT_OUT or path.parent != site}
    assert pages - reached - {(site / "docs" / "index.html").resolve()} == set()


def test_every_link_leads_somewhere(site, files):
    """Files, and anchors in them; the web is not asked."""
    missing, checked = [], 0
    for path, html in files.items():
        for link in html.links:
            if re.match(r"[a-z]+:", link):
                continue
            checked += 1
            target, _, anchor = link.partition("#")
            file = (path.parent / unquote(target)).resolve() if target else path.resolve()
            anchored = anchor and file.suffix == ".html"
            if not file.exists() or (anchored and unquote(anchor) not in files[file].anchors):
                missing.append((path.name, link))
    assert missing == []
    assert checked > 1000


def test_nothing_is_loaded_from_elsewhere(site, files):
    """No script, style, font or picture of another host: it reads the same without a network."""
    for path, html in files.items():
        for load in html.loads:
            assert not re.match(r"([a-z]+:)?//", load), (path.name, load)
            assert load.startswith("data:") or (path.parent / unquote(load.partition("?")[0])).exists(), load
    for path in site.rglob("*.css"):
        loaded = re.findall(
            r"url\(['\"]?([^)'\"]+)|@import\s+['\"]([^'\"]+)", path.read_text(encoding="utf-8")
        )
        assert not [one for pair in loaded for one in pair if re.match(r"(https?:)?//", one)], path.name
    for path in site.rglob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(fetch|import|importScripts|src\s*=)\s*\(?\s*['\"](https?:)?//", text), (
            path.name
        )


def test_the_search_needs_no_network(site):
    """Its index is a file beside the pages, and knows what they say."""
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert '"docs/measures"' in index
    assert "shapley" in index


@pytest.mark.parametrize(
    ("page", "package"),
    [
        ("simulator", hashcredit.simulator),
        ("experiments", hashcredit.experiments),
        ("contagion", hashcredit.simulator.contagion),
    ],
)
def test_the_reference_has_every_public_name(page, package, site, files):
    anchors = files[site / "docs" / "api" / f"{page}.html"].anchors
    assert {f"{package.__name__}.{name}" for name in dir(package)} <= anchors


def test_the_first_file_leads_home(site):
    text = (site / "index.html").read_text(encoding="utf-8")
    assert 'content="0; url=docs/index.html"' in text
    assert Path(site / "docs" / "index.html").exists()
