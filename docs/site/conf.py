"""How Sphinx builds the site from the pages that docs/build_site.py has laid out. Nothing here asks another host:
theme, styles, scripts and search index all lie in the site."""

import inspect
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

project = "Armslength"
release = metadata.version("armslength")
html_title = "Armslength"
project_copyright = "Apache License 2.0"
root_doc = "index"

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
highlight_language = "none"
suppress_warnings = [
    "misc.highlighting_failure",  # examples leave things out with an ellipsis
    "ref.python",  # a field called type is not what an annotation means by type
]

default_role = "code"
autodoc_default_options = {"members": True, "undoc-members": True, "member-order": "bysource"}
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
maximum_signature_line_length = 100
toc_object_entries = False
add_module_names = False

html_theme = "furo"
html_static_path = [str(Path(__file__).with_name("site.css"))]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False


ITEM = re.compile(r"(?:[-*] |\d+\. )")


def plain(_app: Sphinx, _what: str, _name: str, _obj: object, _options: Any, lines: list[str]) -> None:
    """Docstrings are prose with code in backticks and lists, not a markup language: all else that would be markup is
    escaped, and lists get the blank lines and indents that markup wants."""
    out: list[str] = []
    indent = ""  # of what goes on the item above
    for line in inspect.cleandoc("\n".join(lines)).splitlines():
        item = ITEM.match(line.strip())
        listed = bool(item or (indent and line.startswith(" ")))
        if line.strip() and listed != bool(indent):
            out.append("")
        if line.strip():
            indent = " " * len(item[0]) if item else indent if listed else ""
        text = line.strip().removeprefix(item[0] if item else "")
        parts = [
            part if part.startswith("`") else re.sub(r"([\\*|_`])", r"\\\1", part)
            for part in re.split(r"(`[^`]+`)", text)
        ]
        out.append((item[0] if item else indent) + "".join(parts) if text else "")
    lines[:] = [*out, ""]


def setup(app: Sphinx) -> None:
    """Join what is ours to Sphinx."""
    app.add_lexer("caddy", TextLexer)
    app.connect("autodoc-process-docstring", plain)
