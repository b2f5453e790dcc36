"""A timeline read back: who said what of what, and what followed."""

from __future__ import annotations

import re
from collections import Counter

from armslength.core.arrangement.bodies import Attest, Determine
from armslength.core.arrangement.causes import Actors, Passed, Periods, Standing
from armslength.core.arrangement.state import Change
from armslength.views.timeline import Effect, TimelineLine, timeline
from tests.views.reading import Forms, Read, Seen, bare, instant, names, numbers, pattern, people, same

DONE, MADE, CAUSES = Forms("line"), Forms("effect"), Forms("cause")
SIDE = pattern(r"<who:who> attests? that (?P<spots>.+)")
HELD = pattern(r"(?P<claims>.+) (?P<value>held|did not hold) on \w+ (?P<numbers>[\d–, ]+)")
EVENT = pattern(r"(?P<claims>\w+(?: \(It was so\))?) (?P<value>is so|is not so)")


def lines_are_true(seen: Seen) -> None:
    """Every entry but seals is in one line, every change but idle excuses is one effect, and each says what it is."""
    lines = timeline(seen.terms, seen.placed, seen.state)
    said = [index for line in lines if line.who for index in line.entries]
    assert sorted(said) == [entry.index for entry in seen.placed if entry.type != "seal"]
    shown = Counter(change for line in lines for effect in line.effects for change in effect.changes)
    every = Counter(change for change in seen.changes if not is_idle(seen, change))
    assert shown == every, shown - every or every - shown
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    for line in lines:
        entries = [seen.placed[index] for index in line.entries]
        if line.who:
            assert set(line.who) == {entry.author for entry in entries}
            assert (line.at, line.until) == (min(e.at for e in entries), max(e.at for e in entries))
        DONE.read(seen, line.did, line)
        for effect in line.effects:
            MADE.read(seen, effect.text, effect)
            assert all(change.after == effect.after for change in effect.changes)
            if effect.cause:
                cause_is_true(seen, effect)
            assert not line.who or all(line.at <= c.at <= line.until for c in effect.changes)
            assert line.who or all(c.at == line.at for c in effect.changes)


def is_idle(seen: Seen, change: Change) -> bool:
    """An excuse that ran out without anybody having asked for it."""
    name = change.subject.partition("#")[0]
    excuses = {rules.excuse.claim for rules in seen.terms.claims.values() if rules.excuse}
    return change.kind == "claim" and change.after == "UNKNOWN" and name in excuses


@DONE.form(r"time reaches <at:M>")
def by_time(_seen: Seen, read: Read, line: TimelineLine) -> None:
    """Nobody's doing."""
    assert not line.who
    assert instant(read["at"]) == line.at


@DONE.form(r"(?P<attests>.+ attests? that .+)")
def attest(seen: Seen, read: Read, line: TimelineLine) -> None:
    """Attestations: exactly who said what of which period."""
    told: set[tuple[str, str, int, bool]] = set()
    for part in read["attests"].split("; "):
        found = SIDE.fullmatch(part)
        assert found, part
        for clause in clauses(found["spots"]):
            held, event = HELD.fullmatch(clause), EVENT.fullmatch(clause)
            one = held or event
            assert one, clause
            spots = numbers(held["numbers"]) if held else [0]
            value = one["value"] in {"held", "is so"}
            told |= {(w, bare(c), n, value) for w in people(found["who"]) for c in names(one["claims"]) for n in spots}
    bodies = [(e.author, e.body) for e in (seen.placed[index] for index in line.entries)]
    did = {(who, body.claim, body.period, body.value) for who, body in bodies if isinstance(body, Attest)}
    assert told == did, (sorted(told - did), sorted(did - told))


def clauses(text: str) -> list[str]:
    """`k0 held on periods 0–2, k1 held on period 3 and k2 held on …`: one by one."""
    ends = [m.end() for m in re.finditer(r"(?:held|not hold) on \w+ [\d–]+(?:, \d[\d–]*)*|is (?:not )?so", text)]
    ends = [end for end in ends if text[end - 1] not in "0123456789" or not text[end:].startswith("–")]
    out, begin = [], 0
    for end in ends:
        if text[end:] and not re.match(r", | and ", text[end:]):
            continue
        out.append(re.sub(r"^(?:, | and )", "", text[begin:end]))
        begin = end
    assert not text[begin:], text[begin:]
    return out


@DONE.form(r"<who:who> votes? to (?P<word>uphold|dismiss) (?:allegation <name:id>|the complaint about <tranche:id>)")
def votes(seen: Seen, read: Read, line: TimelineLine) -> None:
    """Votes of one kind."""
    same(people(read["who"]), line.who)
    for index in line.entries:
        body = seen.placed[index].body
        assert isinstance(body, Determine)
        assert (body.uphold, body.allegation, body.tranche) == (
            read["word"] == "uphold", read.get("name"), read.get("tranche"),
        )  # fmt: skip


ONE = {
    "sign": r"<who:who> signs? the terms",
    "resume": r"<who:who> agrees? to resume",
    "commit": r"<who:id> pins the content of <text:text>",
    "perform": r"<who:id> states to have performed <subject:id>",
    "notice": r"<who:id> gives notice of an exception to <text:claim>, <from:M>–(?:<to:M>|[\d:]+)",
    "allege": r"<who:id> alleges that (?:<subject:claim> did not hold(?: on \w+ <period:N>)?|<tranche:id> was not "
    r"delivered sealed in time)(?P<hold>, and asks for a hold)?",
    "respond": r"<who:id> (?P<answer>admits|denies) allegation <subject:id>",
    "ack": r"<who:id> (?:confirms that the sealed data of <cipher:id> has arrived intact|opens <plain:id> and confirms "
    r"that it is what was promised|complains about <bad:id>)",
    "release": r"<who:id> releases <tranche:tranche>",
    "key": r"<who:id> hands over the key of <tranche:id>",
    "withdraw": r"<who:id> gives notice of withdrawal",
    "waive": r"<who:id> waives <subject:id>",
    "evidence": r"<who:id> (?:presents evidence of [a-z ]+: two signed statements that exclude each other|puts the "
    r"keeper's refusals of earlier statements on record)",
}


def of_type(kind: str) -> object:
    """A check for one type of entry."""

    def check(seen: Seen, read: Read, line: TimelineLine) -> None:
        same(people(read["who"]), line.who)
        for index in line.entries:
            entry = seen.placed[index]
            assert entry.type == kind
            for mine, theirs in (
                ("duty", "subject"),
                ("claim", "subject"),
                ("tranche", "tranche"),
                ("allegation", "subject"),
            ):
                if (
                    mine in getattr(entry.body, "__slots__", ())
                    and theirs in read
                    and getattr(entry.body, mine) is not None
                ):
                    assert bare(read[theirs]) == getattr(entry.body, mine)
            if kind == "allege":
                assert entry.body.hold is ("hold" in read)  # type: ignore[union-attr]
            if kind == "ack":
                stage = {"cipher": ("cipher", None), "plain": ("plain", True), "bad": ("plain", False)}
                (key,) = [key for key in stage if key in read]
                assert (entry.body.stage, entry.body.ok) == stage[key]  # type: ignore[union-attr]

    return check


for _kind, _form in ONE.items():
    DONE.form(_form)(of_type(_kind))  # type: ignore[operator]


def subject(seen: Seen, text: str) -> tuple[str, str]:
    """`T2's release`, `allegation a`, `t0`, `d0`: kind and id."""
    text = text[:1].lower() + text[1:] if text.startswith(("Allegation", "The")) else text
    if text == "the arrangement":
        return "arrangement", "arrangement"
    if text.startswith("allegation "):
        return "allegation", text.removeprefix("allegation ")
    if text.endswith("'s release"):
        return "duty", bare(text)
    return ("tranche" if text in seen.terms.tranches else "duty"), text


@MADE.form(r"(?P<what>.+): (?:(?P<before>[A-Z]+) → )?(?P<after>[A-Z]+)", r"(?P<what>.+) stays? (?P<after>[A-Z]+)",
           r"(?P<what>.+) is (?P<after>[A-Z]+)")  # fmt: skip
def moved(seen: Seen, read: Read, effect: Effect) -> None:
    """Several subjects that change alike."""
    what, clock = read["what"], re.search(r", (?:its clock (stop|start)s|their clocks (stop|start))$", read["what"])
    what = what[: clock.start()] if clock else what
    told = {subject(seen, each) for each in names(what)}
    did = {(c.kind, c.subject if c.kind != "arrangement" else "arrangement") for c in effect.changes}
    assert told == did, (told, did)
    for change in effect.changes:
        assert change.after == read["after"]
        assert change.rule.startswith("clock.") is bool(clock)
        assert "before" not in read or change.before == read["before"]
        if clock:
            assert change.rule == {"stop": "clock.frozen", "start": "clock.thawed"}[clock[1] or clock[2]]


@MADE.form(
    r"<claims:list>(?: (?:day|week|period)s? (?P<numbers>[\d–, ]+))?: (?P<after>SUPPORTED|REFUTED|EXCUSED|UNKNOWN)"
)
def decided(_seen: Seen, read: Read, effect: Effect) -> None:
    """Periods of claims."""
    spots = numbers(read["numbers"]) if "numbers" in read else [0]
    told = {f"{claim}#{n}" for claim in names(read["claims"]) for n in spots}
    assert told == {c.subject for c in effect.changes}
    assert all(c.kind == "claim" and c.after == read["after"] for c in effect.changes)


@MADE.form(r"Violation of <duty:id> since \w+ <first:N>: (?P<after>[A-Z]+)")
def violation(_seen: Seen, read: Read, effect: Effect) -> None:
    """Instances, in their last state."""
    assert {c.subject for c in effect.changes} == {f"{read['duty']}#{read['first']}"}
    assert {c.after for c in effect.changes} == {read["after"]}


@MADE.form(r"<who:id> counts no more: EXCLUDED")
def excluded(_seen: Seen, read: Read, effect: Effect) -> None:
    """An equivocator."""
    assert [(c.subject, c.after) for c in effect.changes] == [(read["who"], "EXCLUDED")]


def cause_is_true(seen: Seen, effect: Effect) -> None:
    """A cause tells all that the change rests on: every actor, instant, object and period, and none in a raw form."""
    told = effect.cause
    assert not re.search(r"\d{4}-\d\d-\d\dT|#\d|\w/\w|[{}]", told), told
    for who, actor in seen.terms.actors.items():
        assert actor.name == who or not re.search(rf"(?<![\w(.]){re.escape(who)}(?![\w).])", told), (who, told)
    for change in effect.changes:
        if change.rule in {"duty.overdue", "duty.breached"}:
            assert f"{seen.terms.duties[change.subject].claim} was not SUPPORTED" in told, (change.subject, told)
        assert len(re.findall(r" UTC \(D", told)) == sum(isinstance(ground, Passed) for ground in change.cause), told
        for ground in change.cause:
            match ground:
                case Actors(names):
                    assert all(seen.terms.actors[who].name in told for who in names), told
                case Standing(kind="condition"):
                    assert "its condition does not hold" in told
                case Standing():
                    name = ground.subject.split("#")[0].removesuffix(".release").split("/")[-2:][0]
                    assert name in told, told
                    assert ground.state in told, told
                case Periods():
                    assert ground.claim in told or ground.number is not None or str(ground.last) in told, told
                case Passed():
                    pass  # counted above
