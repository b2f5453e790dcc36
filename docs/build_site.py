"""Build the documents as a site: `make docs`, into out/site.

The pages are laid out in out/site-pages as they lie in the repository, so that links between them stay what they are.
Added is what a site needs and a repository does not: pages for folders, for sources that are linked to, and for
docstrings. Then Sphinx builds them, every warning an error, and the result is searched for anything that a reader's
browser would fetch from another host.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SITE, STAGE = ROOT / "out" / "site", ROOT / "out" / "site-pages"
LINK = re.compile(r"(?<!!)(\[[^\]\n]*\]\()([^)\s:#]+)(#[^)\s]*)?\)")
LANGUAGES = {".py": "python", ".js": "javascript"}  # of sources for which pages are made
PUBLIC = ("core", "wire", "analysis", "rehearsal", "views")  # what other programs may build on, with ports and errors
FOREIGN = re.compile(  # what a browser fetches by itself; a link that a reader follows is none of these
    r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\ssrc\s*=\s*["']?\s*(?:https?:)?//[^"'\s>]+"""
    r"""|<link\b(?![^>]*rel=["']?(?:canonical|next|prev|license))[^>]*\shref\s*=\s*["']?\s*(?:https?:)?//[^"'\s>]+"""
    r"""|@import\s+(?:url\()?["']?\s*(?:https?:)?//[^"'\s;)]+|url\(\s*["']?\s*(?:https?:)?//[^"'\s)]+""",
    re.IGNORECASE,
)


def pages() -> Iterator[Path]:
    """Every page of the site that lies in the repository, except README.md, which becomes the first."""
    yield from (ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"))
    yield from sorted((ROOT / "docs").rglob("*.md"))
    yield from sorted((ROOT / "examples").glob("*/README.md"))


def put(path: str, text: str) -> None:
    """Write a page of the site."""
    target = STAGE / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def linked(page: Path, text: str) -> str:
    """A page's text. Links that only a repository can follow lead to pages: those to folders, and those to sources, for
    which pages are made."""

    def lead(found: re.Match[str]) -> str:
        label, path, fragment = found.groups()
        target = (page.parent / path).resolve()
        if target.is_dir():
            path = f"{path.rstrip('/')}/{'README' if (target / 'README.md').exists() else 'index'}.md"
        elif target.suffix in LANGUAGES:
            put(f"{target.relative_to(ROOT)}.md", source(target))
            path += ".md"
        return f"{label}{path}{fragment or ''})"

    parts = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if part.startswith("```") else LINK.sub(lead, part) for part in parts)


def source(path: Path) -> str:
    """A page that shows a source file."""
    text = path.read_text(encoding="utf-8")
    return f"---\norphan: true\n---\n# `{path.relative_to(ROOT)}`\n\n````{LANGUAGES[path.suffix]}\n{text}````\n"


def contents(title: str, words: str, names: list[str]) -> str:
    """A page that lists others."""
    return "\n".join([f"# {title}", "", words, "", "```{toctree}", ":maxdepth: 1", "", *names, "```", ""])


def folders() -> None:
    """Pages for the folders that have none of their own: decisions, and the pictures of the states."""
    records = sorted(path.stem for path in (ROOT / "docs" / "decisions").glob("*.md"))
    put("docs/decisions/index.md", contents("Decisions", "One page for each choice that closes a door.", records))
    pictures = sorted(path.name for path in (ROOT / "docs" / "states").glob("*.svg"))
    shown = [f"## {name.removesuffix('.svg').title()}\n\n![The states]({name})\n" for name in pictures]
    words = "Each state machine, drawn from the table that the rules use. Numbers lead from an arrow to its rows."
    put("docs/states/index.md", "\n".join(["# States", "", words, "", *shown]))


def modules(folder: Path) -> list[str]:
    """The modules of a folder of the package, by their names."""
    package = ROOT / "src" / "armslength"
    paths = [path for path in sorted(folder.glob("*.py")) if path.stem != "__init__"]
    return [path.relative_to(package).with_suffix("").as_posix().replace("/", ".") for path in paths]


def reference() -> None:
    """A page for each public folder of the package, made from docstrings."""
    package = ROOT / "src" / "armslength"
    made = {"basics": ["ports", "errors"]}
    for part in PUBLIC:
        folders = [package / part, *sorted(path.parent for path in (package / part).glob("*/__init__.py"))]
        made |= {folder.relative_to(package).as_posix().replace("/", "."): modules(folder) for folder in folders}
    for page, names in made.items():
        body = [f"## `{name}`\n\n```{{eval-rst}}\n.. automodule:: armslength.{name}\n```\n" for name in names]
        put(f"docs/api/{page}.md", "\n".join([f"# {page}", "", *body]))
    words = (
        "What other programs may build on: the rules and their values (`core`), documents as bytes (`wire`), what can\n"
        "be seen before anyone signs (`analysis`, `rehearsal`), states in words (`views`); as basics the promises\n"
        "that adapters keep (`ports`) and `errors`. Before version 1.0 none of it is stable:\n"
        "[CHANGELOG.md](../../CHANGELOG.md) says what changed."
    )
    put("docs/api/index.md", contents("Modules", words, list(made)))


def lay_out() -> None:
    """Write every page below out/site-pages."""
    shutil.rmtree(STAGE, ignore_errors=True)
    first = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## Further")[0]
    rest = (ROOT / "docs" / "site" / "contents.md").read_text(encoding="utf-8")
    put("index.md", f"{linked(ROOT / 'README.md', first)}\n\n{rest}")
    for page in pages():
        if page.parent.name != "site":
            put(page.relative_to(ROOT).as_posix(), linked(page, page.read_text(encoding="utf-8")))
    for picture in (ROOT / "docs").rglob("*.svg"):
        put(picture.relative_to(ROOT).as_posix(), picture.read_text(encoding="utf-8"))
    folders()
    reference()


def foreign(text: str) -> list[str]:
    """What a browser that shows this page or style would fetch from another host."""
    return FOREIGN.findall(text)


def fetched() -> list[str]:
    """Whatever in the built site would be fetched from another host."""
    return [
        f"{path.relative_to(SITE)}: {found}"
        for path in sorted(SITE.rglob("*"))
        if path.suffix in {".html", ".css", ".svg"}
        for found in foreign(path.read_text(encoding="utf-8"))
    ]


def main() -> int:
    """Lay out, build, look. The exit code."""
    lay_out()
    shutil.rmtree(SITE, ignore_errors=True)
    options = ["-q", "-W", "--keep-going", "-j", "auto", "-b", "html", "-c", str(ROOT / "docs" / "site")]
    trees = ROOT / "out" / "site-trees"
    built = subprocess.run([sys.executable, "-m", "sphinx", *options, "-d", trees, STAGE, SITE], check=False)  # noqa: S603
    if built.returncode:
        return built.returncode
    if asked := fetched():
        print("a reader's browser would ask other hosts:", *asked, sep="\n  ")  # noqa: T201
        return 1
    print(SITE / "index.html")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
