"""The site of the documents, as far as can be judged without building it. `make docs`, which CI runs, does the rest."""

import importlib.util
import re
from types import ModuleType

import pytest

from tests.test_tidy import ROOT


def script() -> ModuleType:
    """docs/build_site.py."""
    spec = importlib.util.spec_from_file_location("build_site", ROOT / "docs" / "build_site.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("text", "fetched"),
    [
        ('<script src="https://cdn.example/a.js"></script>', True),
        ("<script async src=//cdn.example/a.js></script>", True),
        ('<link rel="stylesheet" href="https://fonts.example/css">', True),
        ('<link href="//fonts.example/css" rel="stylesheet">', True),
        ('<link rel="preconnect" href="https://fonts.example">', True),
        ('<img alt="" src="http://pictures.example/a.png">', True),
        ('@import url("https://fonts.example/css");', True),
        ("@font-face{src:url(https://fonts.example/a.woff2)}", True),
        ('<a href="https://c2sp.org/tlog-checkpoint">C2SP</a>', False),
        ('<script src="_static/a.js"></script><img src="../b.png">', False),
        ('<link rel="stylesheet" href="_static/a.css"><link rel="next" href="https://x.example/">', False),
        ("a{background:url(data:image/svg+xml;base64,AAAA)}", False),
    ],
)
def test_what_another_host_would_serve_is_found(text: str, fetched: bool) -> None:
    """Scripts, styles, fonts and pictures of other hosts are found in a page; links that a reader follows are not."""
    assert bool(script().foreign(text)) is fetched


def test_a_page_of_the_repository_becomes_one_of_the_site() -> None:
    """Links to folders lead to pages of the site; code, pictures, addresses and fragments stay what they are."""
    page = ROOT / "docs" / "x.md"
    text = "[a](states/) ![b](states/a.svg) [c](https://x.example/) [d](terms.md#e)\n[f](../examples/july-2016/)\n"
    made = text.replace("[a](states/)", "[a](states/index.md)").replace("july-2016/)", "july-2016/README.md)")
    code = "```\n[a](states/)\n```\n"
    assert script().linked(page, text + code) == made + code


def test_ci_builds_the_site() -> None:
    """CI runs `make docs`."""
    assert "make docs" in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_lock_files_agree() -> None:
    """What two lock files name has one version for each Python: they are installed beside each other."""
    seen: dict[str, set[str]] = {}
    for lock in sorted(ROOT.glob("requirements*.lock")):
        found: dict[str, set[str]] = {}
        for name, version in re.findall(r"^([\w.-]+)==([^ ;\\]+)", lock.read_text(encoding="utf-8"), re.MULTILINE):
            found.setdefault(name, set()).add(version)
        for name, versions in found.items():
            assert seen.setdefault(name, versions) == versions, f"{lock.name}: {name}; run make lock"
