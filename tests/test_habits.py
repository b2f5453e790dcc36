"""What helps people to keep the rules agrees with the rules: hooks with CI, the editor with the linter."""

import configparser
import re
import tomllib

from ruamel.yaml import YAML

from tests.test_tidy import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile."""
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert found, f"no target {target}"
    return [line.strip() for line in found[1].splitlines()]


def test_hooks_run_what_ci_runs() -> None:
    """Each hook before a commit is a target of the Makefile that .ci/run runs too; no hook brings tools or versions
    of its own, and none looks at some of the files only."""
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    (repository,) = YAML(typ="safe").load(text)["repos"]
    assert repository["repo"] == "local"
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    for hook in repository["hooks"]:
        assert hook.keys() == {"id", "name", "entry", "language", "pass_filenames", "always_run"}
        assert (hook["language"], hook["pass_filenames"], hook["always_run"]) == ("system", False, True)
        assert hook["entry"] == f"make {hook['id']}"
        assert hook["entry"] in ci
        assert recipe(hook["id"])


def test_fix_mends_what_check_finds() -> None:
    """`make fix` runs the tools of `make check` that can mend what they find, on the same files."""
    checked = re.findall(r"ruff (check|format --check) (.+?)(?: &&|$)", " && ".join(recipe("check")))
    mended = re.findall(r"ruff (check --fix|format) (.+)", "\n".join(recipe("fix")), re.MULTILINE)
    opposite = {"check": "check --fix", "format --check": "format"}
    assert mended == [(opposite[verb], files) for verb, files in checked]


def sections() -> configparser.ConfigParser:
    """The sections of .editorconfig, without its head."""
    text = (ROOT / ".editorconfig").read_text(encoding="utf-8")
    parser = configparser.ConfigParser()
    parser.read_string(text[text.index("[") :])
    return parser


def test_editors_break_lines_where_the_linter_does() -> None:
    """Editor and linter agree how long a line may be."""
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["line-length"]
    assert int(sections()["*"]["max_line_length"]) == linter
