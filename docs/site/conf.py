"""How Sphinx builds the documentation: `make docs` writes it to `site/`.

The source folder is the root of the repository, so a link from docs/ to README.md, to another page or to a
file of the source is the same link here and on a code host. What becomes a page is listed in
`include_patterns`; another file that a page links to is copied.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import docstrings
import navigation
from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

project = "hashcredit"
author = "The hashcredit developers"
version = release = "0.1.0"
language = "en"

root_doc = "docs/index"
include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "containers/README.md",
    "docs/*.md",
    "docs/*/*.md",
    "experiments/papers/*/README.md",
    "results/README.md",
    "tests/helpers/*/README.md",
]
exclude_patterns = [".*", "build", "site", "dist", "reproduced", "results/*/*"]
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

# Pages are Markdown as code hosts read it: anchors of headings are those that they make.
myst_heading_anchors = 6
smartquotes = False  # two hyphens are an option of a command

# Docstrings: NumPy's sections, and single backticks around code.
default_role = "code"
napoleon_google_docstring = False
napoleon_use_rtype = False
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
add_module_names = False
toc_object_entries_show_parents = "hide"
maximum_signature_line_length = 90

html_theme = "furo"
html_title = f"hashcredit {version}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_additional_pages = {"index": "to_home.html"}
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_permalinks_icon = "#"
templates_path = ["templates"]
html_theme_options = {"navigation_with_keys": False}


def setup(app: Sphinx) -> dict[str, bool]:
    """Add what reads pages and docstrings before Sphinx does."""
    app.add_lexer("csv", TextLexer)  # Pygments has none
    app.connect("source-read", navigation.add_children)
    app.connect("autodoc-process-docstring", docstrings.prepare)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
