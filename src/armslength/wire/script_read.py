"""A script as a file: strict YAML, as the terms are, into a Script. Every problem is told, with its line.

A line of the file that names a later time than the next is no fault: what is said is played in the order of time, and
at one instant in the order of the file. Of one monitor and one period the last line of the file counts.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from armslength.core.arrangement.bodies import Attest, Body
from armslength.core.arrangement.terms import Arrangement
from armslength.wire.script import AGREED, FOREVER, SILENT, BadScript, Cue, Quiet, Script, Spoken
from armslength.wire.script_expect import read_expectation
from armslength.wire.script_sentences import Grammar, Said
from armslength.wire.script_times import EACH, Anchors, read_time
from armslength.wire.terms_tree import BadTerms, Problem, YamlNode, from_plain
from armslength.wire.terms_values import BadValue, read_duration, read_line
from armslength.wire.terms_write import to_yaml
from armslength.wire.terms_yaml import parse

MOST_CUES = 200_000
CODES = ("unknown", "authority", "state", "early", "late", "repeat", "limit", "mismatch", "unsettled")  # of the step
_FIELDS = ("rehearse", "otherwise", "script")
_LINE = ("at", "say", "refused", "expect", "silence", "down")
_NOBODY = re.compile(r"nobody speaks(?: any more)?(?P<span>.*)", re.IGNORECASE)
_QUIET = re.compile(r"(?P<who>.+?)(?:\s+on\s+(?P<spots>.+?))?(?:\s+from\s+(?P<since>.+?))?(?:\s+to\s+(?P<until>.+))?")


def read_script(data: bytes, terms: Arrangement, *, file: str) -> Script:
    """The script in these bytes, about these terms. Raises BadScript with every problem found."""
    try:
        root = parse(data, file)
    except BadTerms as error:
        raise BadScript(error.problems) from None
    return _Reader(terms, file).script(root)


def read_rows(rows: list[dict[str, Any]], terms: Arrangement) -> Script:
    """The script of lines that were never a file, about which others do as agreed. Raises BadScript."""
    plain = {"rehearse": "-", "otherwise": AGREED, "script": rows}
    return _Reader(terms, "script").script(from_plain(plain))


def write_script(title: str, rows: list[dict[str, Any]]) -> str:
    """The YAML of such a script."""
    return to_yaml({"rehearse": title, "otherwise": AGREED, "script": rows})


def in_one_line(row: dict[str, Any]) -> str:
    """A line of a script as people read it: `silence: m5 on k2#7`, `D+3 10:00: A withdraws`."""
    at = [row["at"]] if "at" in row else []
    rest = [row["say"]] if "say" in row else [f"{name}: {value}" for name, value in row.items()]
    return ": ".join([*at, *rest])


class _Reader:
    def __init__(self, terms: Arrangement, file: str) -> None:
        self.terms = terms
        self.file = file
        self.problems: list[Problem] = []
        self.cues: list[Cue] = []
        self.quiet: list[Quiet] = []
        self.told: set[tuple[str, str]] = set()
        self.said_last: dict[tuple[str, str, int], int] = {}  # author, claim, period → the line that counts
        self.anchors = Anchors(d=terms.start, start=terms.start, end=terms.end, before=terms.start)

    def problem(self, line: int, path: str, error: BadValue) -> None:
        self.problems.append(Problem("script", self.file, line, path, error.reason, error.hint))

    def script(self, root: YamlNode) -> Script:
        fields = self._mapping(root, "", _FIELDS)
        title = self._text(fields.get("rehearse"), "rehearse", root.line)
        node = fields.get("otherwise")
        otherwise = SILENT if node is None else node.value
        if otherwise not in {AGREED, SILENT}:
            self.problem(
                node.line if node else 1,
                "otherwise",
                BadValue(f"is {AGREED} or {SILENT}: what those do who are not told"),
            )
        lines = fields.get("script")
        if lines is not None and not isinstance(lines.value, list):
            self.problem(lines.line, "script", BadValue("must be a list of lines"))
            lines = None
        rows = lines.value if lines is not None and isinstance(lines.value, list) else []
        self._day_d(rows)
        for number, row in enumerate(rows):
            self._row(row, f"script[{number}]")
            if len(self.cues) > MOST_CUES:
                self.problem(
                    row.line, f"script[{number}]", BadValue(f"with it the script has more than {MOST_CUES} statements")
                )
                break
        if self.problems:
            raise BadScript(self.problems)
        order = sorted(enumerate(self._counting()), key=lambda each: (each[1].at, each[1].line, each[0]))
        return Script(
            title=title,
            otherwise=str(otherwise),
            cues=tuple(cue for _, cue in order),
            quiet=tuple(self.quiet),
            told=frozenset(self.told),
        )

    def _counting(self) -> list[Cue]:
        """The cues without the attestations that a later line of the file replaces."""
        return [cue for cue in self.cues if not (isinstance(cue, Spoken) and self._replaced(cue))]

    def _replaced(self, cue: Spoken) -> bool:
        spot = _spot_of(cue)
        return spot is not None and self.said_last.get(spot, cue.line) != cue.line

    # --- pieces -------------------------------------------------------------------------------------------------------

    def _mapping(self, node: YamlNode, path: str, known: tuple[str, ...]) -> Mapping[str, YamlNode]:
        if not isinstance(node.value, dict):
            self.problem(node.line, path, BadValue(f"must be a mapping with the fields {', '.join(known)}"))
            return {}
        for name, child in node.value.items():
            if name not in known:
                close = difflib.get_close_matches(name, known, 1, 0.6)
                hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
                self.problem(child.line, path, BadValue(f'no such field "{name}"', hint))
        return node.value

    def _text(self, node: YamlNode | None, path: str, line: int) -> str:
        if node is None:
            self.problem(line, path, BadValue("is missing", 'say what is played: rehearse: "The golden run"'))
            return ""
        try:
            return read_line(node.value)
        except BadValue as error:
            self.problem(node.line, path, error)
            return ""

    def _texts(self, node: YamlNode, path: str) -> list[tuple[str, int]]:
        """One line of text, or several, each with its line in the file."""
        items = node.value if isinstance(node.value, list) else [node]
        return [(self._text(item, path, item.line), item.line) for item in items]

    def _day_d(self, rows: list[YamlNode]) -> None:
        """Find D: the stated start, or the last signature if that is later (rule 2.6a). Problems are told later."""
        signed = self.terms.start
        for row in rows:
            fields = row.value if isinstance(row.value, dict) else {}
            when, say = fields.get("at"), fields.get("say")
            if not (when and say and isinstance(when.value, str)):
                continue
            texts = [item.value for item in (say.value if isinstance(say.value, list) else [say])]
            if any(isinstance(text, str) and re.search(r"\ssigns?\s*$", text) for text in texts):
                try:
                    signed = max(signed, read_time(when.value, self.anchors))
                except BadValue:
                    continue
        self.anchors = Anchors(d=signed, start=self.terms.start, end=self.terms.end, before=signed)

    # --- lines --------------------------------------------------------------------------------------------------------

    def _row(self, row: YamlNode, path: str) -> None:
        fields = self._mapping(row, path, _LINE)
        if not fields:
            return
        kinds = [name for name in ("say", "expect", "silence", "down") if name in fields]
        if not kinds or (len(kinds) > 1 and kinds != ["say", "expect"]):
            self.problem(row.line, path, BadValue("a line says, expects, or begins a silence or down: one of them"))
            return
        if "refused" in fields and "say" not in fields:
            self.problem(row.line, path, BadValue("refused stands beside what is said"))
        try:
            at, each = self._when(fields.get("at"), kinds)
        except BadValue as error:
            self.problem(fields["at"].line, f"{path}.at", error)
            return
        for kind in kinds:
            for text, line in self._texts(fields[kind], f"{path}.{kind}"):
                try:
                    self._told(kind, text, line, at, each, fields)
                except BadValue as error:
                    self.problem(line, f"{path}.{kind}", error)

    def _when(self, node: YamlNode | None, kinds: list[str]) -> tuple[int, int | None]:
        """The instant of a line; or, of what is said of each period, how long after its end."""
        if node is None:
            return self.anchors.before, None
        if not isinstance(node.value, str):
            raise BadValue("must be a time", "such as D+3 10:00")
        if found := EACH.fullmatch(node.value.strip()):
            if kinds != ["say"]:
                raise BadValue('"after each" is a time to attest')
            return self.anchors.before, read_duration(found["span"])
        at = read_time(node.value, self.anchors)
        self.anchors = self.anchors.after(at)
        return at, None

    def _told(self, kind: str, text: str, line: int, at: int, each: int | None, fields: Mapping[str, YamlNode]) -> None:
        if not text:
            return
        grammar = Grammar(self.terms, self.anchors)
        if kind == "say":
            self._say(grammar, text, line, at, each, self._refused(fields.get("refused")))
        elif kind == "expect":
            self.cues += read_expectation(grammar, text, at, line)
        else:
            self.quiet.append(self._silence(grammar, text, line, down=kind == "down"))

    def _refused(self, node: YamlNode | None) -> str | None:
        """The code with which what is said must be refused."""
        if node is None or node.value in CODES:
            return None if node is None else str(node.value)
        raise BadValue(f'"{node.value}" is no code of a refusal', f"one of {', '.join(CODES)}")

    def _say(self, grammar: Grammar, text: str, line: int, at: int, each: int | None, refused: str | None) -> None:
        for said in grammar.read(text):
            if said.act is not None and refused is None:
                self.told.add(said.act)
            if said.body is None:
                continue
            when = at
            if each is not None:
                if said.spot is None:
                    raise BadValue('"after each" is a time to attest')
                when = grammar.end_of(*said.spot) + each
                self.anchors = self.anchors.after(when)
            self._cue(said, said.body, line, when, refused)

    def _cue(self, said: Said, body: Body, line: int, at: int, refused: str | None) -> None:
        if len(self.cues) >= MOST_CUES:
            raise BadValue(f"is more than the {MOST_CUES} statements that are played")
        if said.spot is not None and not said.corrects and refused is None:
            self.said_last[(said.author, *said.spot)] = line
        self.cues.append(
            Spoken(
                at=at,
                author=said.author,
                body=body,
                line=line,
                corrects=said.corrects,
                culprit=said.culprit,
                refused=refused,
            )
        )

    def _silence(self, grammar: Grammar, text: str, line: int, *, down: bool) -> Quiet:
        nobody = _NOBODY.fullmatch(" ".join(text.split()))
        found = _QUIET.fullmatch(f"all{nobody['span']}" if nobody else " ".join(text.split()))
        if not found:
            raise BadValue(f'"{text}" does not say who is silent', "such as m5 from D+10 to D+14")
        if down and found["spots"]:
            raise BadValue("whose node is down says nothing at all", "say silence")
        since = grammar.instant(found["since"]) if found["since"] else self.anchors.before if nobody else 0
        until = grammar.instant(found["until"]) if found["until"] else FOREVER
        if until <= since:
            raise BadValue("ends before it begins")
        everybody: Any = self.terms.actors
        return Quiet(
            who=frozenset(grammar.actors(found["who"], everybody)),
            since=since,
            until=until,
            spots=frozenset(grammar.spots(found["spots"])) if found["spots"] else frozenset(),
            down=down,
            line=line,
        )


def _spot_of(cue: Spoken) -> tuple[str, str, int] | None:
    """The author and the period of an attestation that a later line may replace."""
    if cue.refused is not None or cue.corrects or not isinstance(cue.body, Attest):
        return None
    return cue.author, cue.body.claim, cue.body.period
