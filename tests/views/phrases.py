"""What is lacking, read back: every phrase of `Block.need`, with who could help and until when."""

from __future__ import annotations

import re

from armslength.core.arrangement import step
from armslength.core.arrangement.conditions import holds
from armslength.core.arrangement.draft import Draft
from armslength.core.arrangement.terms import CleanRun, walk
from tests.views.reading import Forms, Read, Seen, bare, instant, is_span, names, numbers, pattern, people, same

NEEDS = Forms("need")
BAD = ("OVERDUE", "BREACHED")
TAIL = pattern(
    r"(?P<need>.+?)(?:; (?P<who>[\w ,–()]+?) can (?P<verb>attest|decide))?"
    r"(?:, from <after:M>(?: \(in <until_after:S>\))?)?"
    r"(?:, due (?:in <left:S> \(<until:M>\)|since <past:M>|<plain:M>))?"
)


def told(seen: Seen, text: str) -> None:
    """A need with its tail: who can help, from when, until when."""
    found = TAIL.fullmatch(text)
    assert found, text
    read = {key: value for key, value in found.groupdict().items() if value is not None}
    need = read["need"]
    lead = need[:1].lower() + need[1:]
    if not NEEDS.matches(seen, need, read):
        NEEDS.read(seen, lead, read)
    if "after" in read:
        assert instant(read["after"]) > seen.now
    if "until_after" in read:
        assert is_span(read["until_after"], instant(read["after"]) - seen.now)
    if "left" in read:
        assert instant(read["until"]) > seen.now
        assert is_span(read["left"], instant(read["until"]) - seen.now)
    if "past" in read:
        assert instant(read["past"]) <= seen.now
    if "plain" in read:
        assert seen.now == 0


def until(read: Read) -> int | None:
    """The end that the tail tells."""
    found = read.get("until") or read.get("past") or read.get("plain")
    return instant(found) if found else None


@NEEDS.form(r"claim <claim:claim> has <n:N> of <k:N> attestations(?: for (?P<spot>\w+ \d+))?"
            r"(?:; <nays:who> says? it did not hold \(<refute:N> would refute it\))?(?:; <extra:text>)?")  # fmt: skip
def lacks(seen: Seen, read: Read, tail: Read | None = None) -> None:
    """Votes counted on an undecided period."""
    name = bare(read["claim"])
    rules, number = seen.terms.claims[name], int(read.get("spot", "x 0").partition(" ")[2])
    assert (rules.kind == "state") is ("spot" in read)
    assert seen.value(name, number) == "UNDECIDED"
    votes = seen.votes(name, number)
    ayes = [who for who, vote in votes.items() if vote.value]
    nays = [who for who, vote in votes.items() if not vote.value]
    assert (int(read["n"]), int(read["k"])) == (len(ayes), rules.support)
    same(people(read["nays"]) if "nays" in read else (), nays)
    assert int(read.get("refute", rules.refute)) == rules.refute
    extra = {f"{who} must be among them" for who in rules.including if who not in ayes}
    for group, least in rules.groups.items():
        if sum(seen.terms.actors[who].group == group for who in ayes) < least:
            extra.add(f"at least {least} must be {group}")
    same(filter(None, re.split(r" and |, ", read.get("extra", ""))), extra)
    if tail is not None:
        silent = [who for who in rules.monitors if who not in votes and who not in seen.state.arrangement.excluded]
        same(people(tail["who"]) if "who" in tail else (), silent)
        begun, end = seen.state.arrangement.effective_at is not None, seen.span(rules, number)[1]
        assert until(tail) == (seen.report_by(rules, number) if begun else None)
        assert ("after" in tail) is (begun and end > seen.now)
        assert "after" not in tail or instant(tail["after"]) == end


@NEEDS.form(r"<nays:who> say that claim <claim:claim> did not hold on (?P<spot>\w+ \d+), which is enough to refute it; "
            r"a notice in time covers part of the <unit:unit>, so that waits for the excuse: <rest:text>")  # fmt: skip
def waits_for_excuse(seen: Seen, read: Read, tail: Read | None = None) -> None:
    """A refuting quorum that a notice keeps waiting."""
    name, number = bare(read["claim"]), int(read["spot"].partition(" ")[2])
    rules = seen.terms.claims[name]
    nays = [who for who, vote in seen.state.claims[name].open[str(number)].items() if not vote.value]
    same(people(read["nays"]), nays)
    assert rules.quorum(value=False).met(seen.terms.actors, nays)
    begin, end = seen.span(rules, number)
    assert rules.excuse
    assert any(n.timely and n.start < end and begin < n.end for n in seen.state.claims[name].notices)
    excuse = seen.terms.claims[rules.excuse.claim]
    assert read["rest"].startswith(f"claim {rules.excuse.claim} ")
    NEEDS.read(seen, read["rest"])
    if tail:
        limits = [limit for each in (rules, excuse) if (limit := seen.report_by(each, number)) is not None]
        assert until(tail) == min(limits, default=None)


@NEEDS.form(
    r"claim <claim:id> is <value:state> for good", r"claim <claim:claim> is <value:state>, and is decided no more"
)
def is_decided(seen: Seen, read: Read, _tail: Read | None = None) -> None:
    """An event that went another way."""
    name = bare(read["claim"])
    assert seen.value(name, 0) == read["value"]
    seen.nevers.append(("claim", f"{name}#0", read["value"]))


@NEEDS.form(r"it is not <at:M> yet")
def too_early(seen: Seen, read: Read, _tail: Read | None = None) -> None:
    """A date."""
    assert seen.now < instant(read["at"]) or seen.state.arrangement.effective_at is None


@NEEDS.form(r"the arrangement is not in force yet(?:: <who:who> still to sign)?")
def not_in_force(seen: Seen, read: Read, _tail: Read | None = None) -> None:
    """Before D."""
    assert seen.state.arrangement.effective_at is None
    missing = set(seen.terms.parties) - set(seen.state.arrangement.signed)
    same(people(read["who"]) if "who" in read else (), missing)


@NEEDS.form(r"duty <duty:duty> is <now:state>, and must be <wanted:who>")
def duty_must(seen: Seen, read: Read, _tail: Read | None = None) -> None:
    """A duty in another state."""
    assert seen.state.duties[bare(read["duty"])].state == read["now"]
    assert read["now"] not in names(read["wanted"])


@NEEDS.form(r"duty <duty:duty> is <now:state> since <at:M>")
def duty_is(seen: Seen, read: Read, tail: Read | None = None) -> None:
    """A breach."""
    name = bare(read["duty"])
    held = seen.state.duties[name]
    assert held.state == read["now"]
    assert held.state in BAD
    assert instant(read["at"]) <= seen.now
    if tail and until(tail) is not None:
        assert until(tail) == held.cure_due
        assert held.state == "OVERDUE"


@NEEDS.form(
    r"tranche <tranche:tranche> is <now:state>, and must be <wanted:who>"
    r"(?:, which it can never be any more: <rest:text>)?"
)
def tranche_must(seen: Seen, read: Read, _tail: Read | None = None) -> None:
    """A tranche in another state; perhaps for ever."""
    name = bare(read["tranche"])
    assert seen.state.tranches[name].shown == read["now"]
    assert read["now"] not in names(read["wanted"])
    if "rest" in read:
        NEEDS.read(seen, read["rest"])
        seen.nevers += [("tranche", name, stage) for stage in names(read["wanted"])]


@NEEDS.form(r"the clean run that opens <tranche:id> must come first(?P<over>, and the term is too short for both)?")
def run_after(seen: Seen, read: Read, _tail: Read | None = None) -> None:
    """The run of another tranche is not there yet."""
    run = next(atom for atom in walk(seen.terms.tranches[read["tranche"]].gate) if isinstance(atom, CleanRun))
    assert not holds(Draft(seen.terms, seen.state), run)


@NEEDS.form(r"it takes <length:N> clean (?P<unit>day|week|period)s?(?P<row> in a row)? of <claims:list>, and "
            r"there (?:is|are) <have:N> so far"
            r"(?: \((?:day|week|period)s? (?P<hits>[\d–, ]+)\)|, counting from \w+ <begin:N>)"
            r"(?:; only <left:N> \w+ are left in the term|; no more are decided)?",
            r"it takes 1 clean (?P<unit>day|week|period) of <claims:list>, and there are 0 so far, counting from \w+ "
            r"<begin:N>(?:; only <left:N> \w+ (?:is|are) left in the term|; no more are decided)?")  # fmt: skip
def run_lacks(seen: Seen, read: Read, _tail: Read | None = None) -> None:
    """Clean periods so far: each is clean for every claim, the one before and the one after is not."""
    claims, have = names(read["claims"]), int(read.get("have", 0))
    hits = numbers(read["hits"]) if "hits" in read else []
    assert len(hits) == have < int(read.get("length", 1))
    assert (have > 0) is ("hits" in read)
    clean = [[seen.value(claim, n) in ("SUPPORTED", "EXCUSED") for claim in claims] for n in hits]
    assert all(map(all, clean))
    follow = hits[-1] + 1 if hits else int(read["begin"])
    total = min(seen.count(seen.terms.claims[claim]) for claim in claims)
    if follow < total:
        after = [seen.value(claim, follow) for claim in claims]
        assert "UNDECIDED" in after, after
        assert not {"REFUTED", "UNKNOWN"} & set(after), after
    if "left" in read:
        assert int(read["left"]) == total - (hits[0] if hits else follow) < int(read.get("length", 1))


@NEEDS.form(r"that it no longer holds: <rest:text>")
def negated(_seen: Seen, _read: Read, _tail: Read | None = None) -> None:
    """What must end; the condition's own phrase."""


@NEEDS.form(r"one of these: <rest:text>")
def either(seen: Seen, read: Read, _tail: Read | None = None) -> None:
    """Each of the alternatives is a row of needs."""
    for part in read["rest"].removeprefix("one of these: ").split("; or "):
        row(seen, part.removeprefix("one of these: "))


def row(seen: Seen, text: str) -> None:
    """Needs joined by "and", each of which may hold one of its own."""
    if NEEDS.matches(seen, text):
        return
    cuts = list(re.finditer(" and ", text))
    for cut in cuts:
        if NEEDS.matches(seen, text[: cut.start()]):
            row(seen, text[cut.end() :])
            return
    NEEDS.read(seen, text)


@NEEDS.form(r"<who:id> has not pinned its content yet")
def not_pinned(seen: Seen, read: Read, _tail: Read | None = None) -> None:
    """A provider whose tranche has no commit."""
    assert any(
        t.commit is None and seen.terms.tranches[n].provider == read["who"] for n, t in seen.state.tranches.items()
    )


@NEEDS.form(r"it takes <k:N> of <n:N> determiners(?:, <must:who> among them)?, to decide; <tally:text>")
def vote(seen: Seen, read: Read, tail: Read | None = None) -> None:
    """Determiners' votes: which ones is known to whoever asks; here the numbers of some open vote must fit."""
    rules = seen.terms.allegations.determiners
    assert (int(read["k"]), int(read["n"])) == (rules.count, len(rules.of))
    same(people(read["must"]) if "must" in read else (), rules.including)
    found = []
    for votes in open_votes(seen):
        counted = {who: said for who, said in votes.items() if who not in seen.state.arrangement.excluded}
        up, down = sum(counted.values()), sum(not said for said in counted.values())
        tally = f"so far {up} to uphold and {down} to dismiss" if counted else "none has voted yet"
        silent = {who for who in rules.of if who not in counted and who not in seen.state.arrangement.excluded}
        found.append((tally, silent))
    said = people(tail["who"]) if tail and "who" in tail else None
    assert any(read["tally"] == tally and (said or set()) in (silent, set()) for tally, silent in found), found


def open_votes(seen: Seen) -> list[dict[str, bool]]:
    """Of every open allegation and complaint, and of allegations whose hold goes on."""
    votes = [a.votes for a in seen.state.allegations.values() if a.outcome == "OPEN" or a.holding]
    return votes + [t.votes for t in seen.state.tranches.values() if t.complaint == "OPEN"]


def party(role: str, state: str) -> object:
    """A check that somebody holds a role for a tranche in this stage."""

    def check(seen: Seen, read: Read, _tail: Read | None = None) -> None:
        stages = [t for n, t in seen.state.tranches.items() if getattr(seen.terms.tranches[n], role) == read["who"]]
        assert any(t.stage == state for t in stages)

    return check


NEEDS.form(r"<who:id> has yet to fetch the sealed data and confirm that it arrived")(party("recipient", "READY"))
NEEDS.form(r"the sealed data is with \w+, and <who:id> has yet to release it")(party("provider", "DELIVERED"))
NEEDS.form(r"<who:id> has yet to confirm the content, or to complain")(party("recipient", "RELEASED"))
NEEDS.form(r"<who:id> has yet to hand over the key")(party("provider", "RELEASED"))


@NEEDS.form(r"a seal must cover the release before the key may leave")
def unsealed(seen: Seen, _read: Read, _tail: Read | None = None) -> None:
    """A release that no seal covers."""
    assert any(t.stage == "RELEASED" and t.key_due is None for t in seen.state.tranches.values())


def silence(seen: Seen, until_: int) -> Seen:
    """The same, at a later instant, if nothing comes."""
    out = step.advance(seen.terms, seen.state, until_)
    return Seen(seen.terms, out.state, [*seen.changes, *out.changes], seen.placed)
