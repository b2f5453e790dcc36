"""`armslength rehearse`: play what could happen under some terms, without nodes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from armslength.cli.context import AsJson, show
from armslength.cli.output import given
from armslength.errors import DONE, Misuse, Refused

if TYPE_CHECKING:
    from armslength.core.arrangement.terms import Arrangement
    from armslength.wire.script import Goal, Script


def rehearse(
    file: Path,
    /,
    *,
    script: Annotated[Path | None, Parameter(name=["--script", "-s"])] = None,
    until: str = "",
    json: AsJson = False,
) -> int:
    """Play what could happen: who says what when, what follows, and why. No node is asked, and nothing is sent.

    Without a script everybody does as agreed. Exit code 0: all that the script expects holds, and --until was reached;
    1: something does not hold; 2: a file cannot be read or played. docs/rehearsal.md describes scripts.

    Parameters
    ----------
    file
        The terms, in YAML.
    script
        Who says what and when, who is silent, and what is expected.
    until
        Stop there: violation, breach, hold, suspension, withdrawal, release, withholding, forfeiture, dispute,
        completion, termination or end; or the state of something, like withheld:T4.
    """
    import sys

    from armslength.cli.show import styled, width
    from armslength.rehearsal.play import Play
    from armslength.rehearsal.telling import as_text, document

    terms = _terms(file)
    goal = _goal(terms, until) if until else None
    found = Play(terms, _script(script, terms)).run(goal)
    told = {"file": str(file), "script": None if script is None else str(script), **document(found)}
    show(told, as_json=json, text="" if json else styled(as_text(found, width(sys.stdout))).rstrip())
    return DONE if found.ok else Refused.exit_code


def _terms(file: Path) -> Arrangement:
    """The terms to be played. Raises Misuse: what does not compile cannot be played."""
    from armslength.cli.terms import read_file
    from armslength.wire.script import BadScript
    from armslength.wire.terms import BadTerms

    try:
        return read_file(file).terms
    except BadTerms as error:
        raise BadScript(error.problems) from None


def _script(path: Path | None, terms: Arrangement) -> Script:
    from armslength.wire.script import AGREED, Script
    from armslength.wire.script_read import read_script
    from armslength.wire.terms_yaml import MAX_BYTES

    if path is None:
        return Script(title="Everybody does as agreed", otherwise=AGREED)
    return read_script(given(path, MAX_BYTES), terms, file=str(path))


def _goal(terms: Arrangement, text: str) -> Goal:
    from armslength.wire.script_expect import read_goal
    from armslength.wire.terms_values import BadValue

    try:
        return read_goal(terms, text)
    except BadValue as error:
        raise Misuse("bad-goal", f"{error.reason}{f' ({error.hint})' if error.hint else ''}", "--until") from None
