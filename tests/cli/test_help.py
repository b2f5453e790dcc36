"""Help teaches: every verb has a summary and examples that parse, and no leftovers of the framework show."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from cyclopts import App

from armslength.cli.__main__ import PARTS, application
from armslength.cli.examples import EXAMPLES

GROUPS = {
    "clock": ("set",),
    "approvals": ("key", "policy", "list", "show", "approve", "object", "submit", "standing", "export", "verify"),
}
VERBS = sorted(
    {*(verb for verbs in PARTS.values() for verb in verbs), *(f"{a} {b}" for a, each in GROUPS.items() for b in each)}
    - GROUPS.keys()
)


def helped(verb: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What `--help` prints for a verb, as one line."""
    app: App = application(verb.split(maxsplit=1)[0])
    app([*verb.split(), "--help"], exit_on_error=False, result_action="return_value")
    return re.sub(r"[\s│╭╮╰╯─]+", " ", capsys.readouterr().out)


def test_every_verb_has_examples_and_no_other_has() -> None:
    """The table of examples has exactly the verbs that there are."""
    assert sorted(EXAMPLES) == sorted(VERBS)


@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for line in lines])
def test_every_example_parses(line: str) -> None:
    """An example binds to its command's parameters as it stands."""
    tokens = shlex.split(line.partition(" > ")[0])
    assert tokens[0] == "armslength"
    application(tokens[1]).parse_args(tokens[1:], exit_on_error=False, print_error=False)


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_examples_and_no_leftovers(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither generated negatives nor empty defaults; the first example is there, and the folder's default in words."""
    text = helped(verb, capsys)
    assert not re.search(r"--no-(?!browser)|--empty-|\[default: (\"\"|\(\)|False|0|\.)\]", text)
    assert EXAMPLES[verb][0].replace(" ", "") in text.replace(" ", "")


def test_times_show_what_they_look_like(capsys: pytest.CaptureFixture[str]) -> None:
    """Where a time is asked for, help shows one."""
    for verb in ("publish", "clock set", "notify"):
        assert "2016-07-" in helped(verb, capsys)


def test_exit_codes_are_told_in_the_help_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """`armslength --help` says what each exit code means."""
    application()(["--help"], exit_on_error=False, result_action="return_value")
    text = " ".join(capsys.readouterr().out.split())
    assert "0 done; 1 refused, or something does not hold; 2 misuse; 3 a node does not answer" in text


def test_the_reference_has_the_examples() -> None:
    """docs/cli.md, which is made from the help, shows every example."""
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    assert all(f"$ {line}\n" in page for lines in EXAMPLES.values() for line in lines)
