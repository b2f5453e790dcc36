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
    shortest_to: str = "",
    json: AsJson = False,
) -> int:
    """Play what could happen: who says what when, what follows, and why. No node is asked, and nothing is sent.

    Without a script everybody does as agreed. docs/rehearsal.md describes scripts. Exit code 0: all that the script
    expects holds, and what was looked for was found; 1: something does not, or was not; 2: a file cannot be read.

    Parameters
    ----------
    file
        The terms, in YAML.
    script
        Who says what and when, who is silent, and what is expected.
    until
        Stop there: violation, breach, hold, suspension, withdrawal, release, withholding, forfeiture, dispute,
        completion, termination or end; or the state of something, like withheld:T4.
    shortest_to
        Look for a script that comes there with as few departures from what was agreed as can be, and print it. What is
        not found within a bound may happen all the same.
    """
    import sys

    from armslength.cli.show import styled, width
    from armslength.rehearsal.play import Play
    from armslength.rehearsal.telling import as_text, document

    terms = _terms(file)
    if shortest_to:
        if script or until:
            raise Misuse(
                "which", "--shortest-to looks for a script: it goes with neither --script nor --until", "rehearse"
            )
        return _shortest(file, terms, _goal(terms, shortest_to, "--shortest-to"), json=json)
    goal = _goal(terms, until, "--until") if until else None
    found = Play(terms, _script(script, terms)).run(goal)
    told = {"file": str(file), "script": None if script is None else str(script), **document(found)}
    show(told, as_json=json, text="" if json else styled(as_text(found, width(sys.stdout))).rstrip())
    return DONE if found.ok else Refused.exit_code


def _shortest(file: Path, terms: Arrangement, goal: Goal, *, json: bool) -> int:
    from armslength.rehearsal.search import shortest, summed, told

    found = shortest(terms, goal)
    looked = f"Looked at {summed(found.looked)}"
    if found.course is None:
        bound = "and all of them" if found.whole else "then the bound was reached"
        looked += f", {bound}: none comes to {goal.text}. It may happen all the same."
    elif not found.whole:
        looked += ", then the bound was reached: a shorter one may be there"
    text = told(found)
    document = {
        "file": str(file),
        "goal": goal.text,
        "found": found.course is not None,
        "script": text or None,
        "at": None if found.reached is None else found.reached.at,
        "looked": found.looked,
        "whole": found.whole,
    }
    show(document, as_json=json, text=f"# {looked}.\n{text}".rstrip() if text else looked)
    return DONE if text else Refused.exit_code


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


def _goal(terms: Arrangement, text: str, option: str) -> Goal:
    from armslength.wire.script_expect import read_goal
    from armslength.wire.terms_values import BadValue

    try:
        return read_goal(terms, text)
    except BadValue as error:
        raise Misuse("bad-goal", f"{error.reason}{f' ({error.hint})' if error.hint else ''}", option) from None
