"""`armslength check`: compile a terms file, say what is wrong with it, and what it means in plain English."""

from __future__ import annotations

import errno
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from armslength.cli.output import begins, new_folder, read_weights
from armslength.errors import DONE, Malformed, Misuse, Refused

if TYPE_CHECKING:
    from armslength.analysis.check import Finding
    from armslength.analysis.exploration import Exploration
    from armslength.wire.terms import Compiled, Problem


def read_file(path: Path) -> Compiled:
    """Compile the terms in a file, with the cards and clause texts beside it.

    Raises Misuse if the file cannot be read, BadTerms if it does not compile."""
    from armslength.wire.terms import compile_terms
    from armslength.wire.terms_yaml import MAX_BYTES

    folder = Path(os.path.realpath(path)).parent

    def beside(name: str) -> bytes:
        # A terms file may come from the other side: nothing outside its own folder is read into terms.
        if "\0" in name:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        target = Path(os.path.realpath(folder / name))
        if not target.is_relative_to(folder):
            raise PermissionError(errno.EACCES, "it lies outside the folder of the terms")
        return begins(target, MAX_BYTES + 1)

    try:
        data = begins(path, MAX_BYTES + 1)
    except OSError as error:
        raise Misuse("no-file", f"cannot be read: {error.strerror}", str(path)) from None
    return compile_terms(data, beside, file=str(path))


class UnsoundTerms(Refused):
    """Terms in which `check` finds errors: a line for each, as `check` has it."""

    closing = "these terms are not sound: nothing is sent"

    def __init__(self, compiled: Compiled, errors: list[Finding]) -> None:
        super().__init__("unsound-terms", f"{errors[0].id} {errors[0].message}", errors[0].place)
        self.problems = tuple(f"{_headed(compiled, error)}: {error.message}" for error in errors)


def sound_file(path: Path) -> Compiled:
    """Compile the terms in a file and check them. Raises Misuse, BadTerms, or UnsoundTerms where there are errors."""
    from armslength.analysis.check import ERROR
    from armslength.analysis.check import check as run_checks

    compiled = read_file(path)
    errors = [each for each in run_checks(compiled.terms, compiled.texts) if each.severity == ERROR]
    if errors:
        raise UnsoundTerms(compiled, errors)
    return compiled


def check(
    file: Path,
    /,
    *,
    json: bool = False,
    english: bool = False,
    node: Annotated[Path | None, Parameter(["--node", "-n"])] = None,
    explore: bool = False,
    weights: Path | None = None,
    out: Annotated[Path | None, Parameter(["--out", "-o"])] = None,
) -> int:
    """Check terms before anyone signs them.

    Exit code 0: no errors (there may be warnings and notes). 1: errors. 2: the file cannot be read.

    Parameters
    ----------
    file
        The terms, in YAML. Cards and clause files lie beside it.
    json
        Print one JSON document for programs.
    english
        Also say in plain English what the terms mean.
    node
        Also say of every node in the terms whether the one in this folder may connect to it, and how.
    explore
        Also play what can happen, for some seconds: how far each party may get behind at each step, who gains by
        breaking off, who alone can stall, and what each silence leads to.
    weights
        A JSON file of private weights by duty and tranche, like {"T2": 5, "C5": 3}, for --explore; it stays here.
    out
        A new folder for what --explore finds: its picture (exposure.svg), and for each party the scripts of the worst
        that was found, and of what it gains most by, to be played by `rehearse`.
    """
    from armslength.analysis.check import ERROR
    from armslength.analysis.check import check as run_checks
    from armslength.wire.terms import BadTerms

    if (weights or out) and not explore:
        raise Misuse("which", "--weights and --out go with --explore", "check")
    private = read_weights(weights)
    try:
        compiled = read_file(file)
    except BadTerms as error:
        _print_json(_problems_document(file, error.problems)) if json else _print_problems(error.problems)
        return Refused.exit_code
    findings = run_checks(compiled.terms, compiled.texts)
    seen = None if node is None else _seen_from(node, compiled)
    well = not any(finding.id == "S01" and finding.severity == ERROR for finding in findings)
    found = _explored(compiled, private, out) if explore and well else None
    if json:
        document = _document(file, compiled, findings, english)
        document |= {} if seen is None else {"network": seen}
        _print_json(document | ({"exploration": _exploration_document(found)} if explore else {}))
    else:
        _print_findings(file, compiled, findings)
        if seen is not None:
            _print_seen(seen)
        if found is not None:
            _print_exploration(compiled, found)
        if english:
            _print_english(compiled)
    return Refused.exit_code if any(finding.severity == ERROR for finding in findings) else DONE


@dataclass(frozen=True, slots=True)
class PeerSeen:
    """Whether a node may connect to a peer, and how or why not."""

    actor: str
    address: str
    allowed: bool
    how: str


@dataclass(frozen=True, slots=True)
class NetworkSeen:
    """What a node may connect to by its configuration, and every other node in some terms as it sees it."""

    node: str
    private: tuple[str, ...]
    proxy: str | None
    ca: str | None
    peers: tuple[PeerSeen, ...]


def _seen_from(node: Path, compiled: Compiled) -> NetworkSeen:
    """What the node in this folder may connect to, and every other node in the terms as it sees it."""
    from armslength.config import load
    from armslength.net.ways import look, shown, ways

    config = load(node)
    found = ways(config)
    others = {name: actor for name, actor in compiled.terms.actors.items() if actor.address and actor.did != config.did}
    peers = [(name, actor.address or "") for name, actor in sorted(others.items())]
    verdicts = [(name, address, look(found, address)) for name, address in peers]
    return NetworkSeen(
        node=config.name,
        private=tuple(config.network.private),
        proxy=shown(found.proxy) if found.proxy else None,
        ca=config.network.ca or None,
        peers=tuple(PeerSeen(name, address, each.allowed, each.how) for name, address, each in verdicts),
    )


def _explored(compiled: Compiled, weights: dict[str, int] | None, out: Path | None) -> Exploration:
    """Explore what can happen, and write it down where that is asked for. Raises Misuse."""
    from armslength.analysis.exploration import explore
    from armslength.errors import misused
    from armslength.report.exploration import svg

    try:
        found = explore(compiled.terms, weights)
    except Malformed as error:
        raise misused(error) from None
    if out is not None:
        with new_folder(out) as folder:
            (folder / "exposure.svg").write_text(svg(compiled.terms, found), encoding="utf-8")
            for party, worst in found.worst.items():
                (folder / f"worst-{party}.yaml").write_text(worst.script, encoding="utf-8")
            for party, gain in found.gains.items():
                (folder / f"gain-{party}.yaml").write_text(gain.script, encoding="utf-8")
    return found


def _exploration_document(found: Exploration | None) -> dict[str, object] | None:
    """What was explored, for programs; None for terms that are not well formed."""
    if found is None:
        return None
    return {
        "steps": found.steps,
        "worst": found.worst,
        "gains": found.gains,
        "alone": {who: [each.line for each in outcomes] for who, outcomes in found.alone().items()},
        "silences": found.silences,
        "looked": found.looked,
        "whole": found.whole,
    }


def _print_exploration(compiled: Compiled, found: Exploration) -> None:
    from armslength.report.exploration import as_lines
    from armslength.views.words import safe

    print()
    for line in as_lines(compiled.terms, found):
        print(safe(line))


def _print_seen(seen: NetworkSeen) -> None:
    from armslength.views.words import safe

    private = ", ".join(seen.private) or "none"
    proxy, authority = seen.proxy or "none", seen.ca or "the system's alone"
    print()
    print(safe(f"Seen from {seen.node} (private ranges: {private}; proxy: {proxy}; authorities: {authority})"))
    for peer in seen.peers:
        print(safe(f"{'yes' if peer.allowed else 'NO':<8}{peer.actor}  {peer.address}: {peer.how}"))


def _problems_document(file: Path, problems: tuple[Problem, ...]) -> dict[str, object]:
    return {"file": str(file), "ok": False, "problems": [asdict(problem) for problem in problems], "findings": []}


def _document(file: Path, compiled: Compiled, findings: list[Finding], english: bool) -> dict[str, object]:
    from armslength.analysis.check import CHECKS, ERROR
    from armslength.wire.terms_json import arrangement_hash

    document = {
        "file": str(file),
        "ok": not any(finding.severity == ERROR for finding in findings),
        "arrangement": arrangement_hash(compiled.terms),
        "title": compiled.terms.title,
        "problems": [],
        "findings": [asdict(finding) | {"line": compiled.line(finding.place)} for finding in findings],
        "checks": {
            id_: {"title": entry.title, "status": entry.status, "reason": entry.reason} for id_, entry in CHECKS.items()
        },
    }
    if not english:
        return document
    from armslength.report.english import english as say

    return document | {"english": [asdict(sentence) for sentence in say(compiled.terms)]}


def _print_json(document: dict[str, object]) -> None:
    from armslength.views.jsonable import json_text

    print(json_text(document))


def _print_problems(problems: tuple[Problem, ...]) -> None:
    from armslength.views.words import safe

    for problem in problems:
        print(safe(str(problem)))
    print(f"\nThese terms do not compile: {_many(len(problems), 'problem')}.")


def _print_findings(file: Path, compiled: Compiled, findings: list[Finding]) -> None:
    from armslength.analysis.check import CHECKS, ERROR, NOTE, WARNING
    from armslength.views.words import safe
    from armslength.wire.terms_json import arrangement_hash

    terms = compiled.terms
    sizes = [(terms.parties, "party"), (terms.monitors, "monitor"), (terms.claims, "claim")]
    sizes += [(terms.duties, "duty"), (terms.tranches, "tranche")]
    print(safe(f"{terms.title} ({file})"))
    print(f"arrangement {arrangement_hash(terms)}")
    print(", ".join(_many(len(things), noun) for things, noun in sizes) + "\n")
    for finding in findings:
        print(safe(_headed(compiled, finding)))
        print(safe(f"        {finding.message}"))
    if findings:
        print()
    counts = [_many(sum(f.severity == level for f in findings), level) for level in (ERROR, WARNING, NOTE)]
    asked = [f"{id_} {entry.title}" for id_, entry in CHECKS.items() if entry.status == "explored"]
    print(f"{', '.join(counts)}.\nOnly with --explore: {'; '.join(asked)}.")


def _headed(compiled: Compiled, finding: Finding) -> str:
    line = compiled.line(finding.place)
    place = f"{finding.place} (line {line})" if line else finding.place
    return f"{finding.severity:<8}{finding.id}  {place}"


def _print_english(compiled: Compiled) -> None:
    from armslength.report.english import as_text
    from armslength.report.english import english as say
    from armslength.views.words import safe, wrap

    print()
    for line in as_text(say(compiled.terms)).split("\n"):
        for number, part in enumerate(wrap(safe(line), 96) or [""]):
            print(f"    {part}" if number else part)


def _many(number: int, noun: str) -> str:
    from armslength.views.words import count

    return "no " + noun + "s" if number == 0 and not noun.endswith("y") else count(number, noun)
