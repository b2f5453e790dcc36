"""What `why` says of claims and of allegations."""

from __future__ import annotations

import re

from armslength.core.arrangement.causes import Actors
from armslength.views.asked import Why
from tests.views.phrases import told
from tests.views.reading import Read, Seen, bare, instant, numbers, people, same, spot
from tests.views.sentences import SAYS

# --- claims -----------------------------------------------------------------------------------------------------------


@SAYS.form(r"Claim <claim:claim>: <text:text>\.", r"So far: <text:text>\.")
def tally(seen: Seen, read: Read, answer: Why) -> None:
    """How many periods came to what."""
    name = answer.subject if answer.kind == "claim" else seen.terms.duties[answer.subject].claim
    total = seen.count(seen.terms.claims[name])
    values = [seen.value(name, n) for n in range(total)]
    words = {"supported": "SUPPORTED", "excused": "EXCUSED", "refuted": "REFUTED", "never verified": "UNKNOWN"}
    said = dict.fromkeys(words.values(), ())
    if not re.fullmatch(r"no (?:day|week|period) is decided yet", read["text"]):
        for part in read["text"].split("; "):
            found = re.fullmatch(r"(\d+) \w+ ([a-z ]+) \(([\d–, ]+)\)", part)
            assert found, part
            hits = tuple(numbers(found[3]))
            assert len(hits) == int(found[1])
            said[words[found[2]]] = hits
    assert said == {value: tuple(n for n, v in enumerate(values) if v == value) for value in words.values()}


@SAYS.form(r"Nothing is outstanding\.")
def nothing_open(seen: Seen, _read: Read, answer: Why) -> None:
    """No period is over and undecided, unless nothing decides it any more."""
    rules = seen.terms.claims[answer.subject]
    if seen.state.arrangement.effective_at is not None and seen.state.arrangement.phase == "EFFECTIVE":
        over = [n for n in range(seen.count(rules)) if seen.span(rules, n)[1] <= seen.now]
        assert all(seen.value(answer.subject, n) != "UNDECIDED" for n in over)


@SAYS.form(r"And <n:N> more\.")
def more(seen: Seen, read: Read, answer: Why) -> None:
    """Blocks that are not spelt out."""
    assert len(answer.blocked_on) == int(read["n"]) + 3


@SAYS.form(r"Claim <claim:claim> is UNDECIDED(?: for (?P<spot>\w+ \d+))?: no quorum of monitors agrees yet\.")
def undecided(seen: Seen, read: Read, answer: Why) -> None:
    """A period that waits."""
    assert seen.value(*spot(answer.subject.replace("#", " period "))) == "UNDECIDED"


@SAYS.form(r"Nothing said now decides it: the arrangement is <state:state>\.")
def no_more(seen: Seen, read: Read, answer: Why) -> None:
    """A period that stays undecided."""
    assert read["state"] == seen.state.shown
    seen.nevers.append(("claim", answer.subject, "*"))


@SAYS.form(r"Unless the excuse is supported, <spot:spot> is REFUTED\.")
def unless_excused(seen: Seen, read: Read, _answer: Why) -> None:
    """A refuting quorum that waits."""
    assert seen.value(*spot(read["spot"])) == "UNDECIDED"


@SAYS.form(r"A notice covers part of it, but came too late to excuse anything\.",
           r"A timely notice covers part of it: if claim <excuse:claim> is supported, "
           r"the period is excused\.")  # fmt: skip
def notice(seen: Seen, read: Read, answer: Why) -> None:
    """A notice that overlaps."""
    name, number = spot(answer.subject.replace("#", " period "))
    begin, end = seen.span(seen.terms.claims[name], number)
    found = [n for n in seen.state.claims[name].notices if n.start < end and begin < n.end]
    assert found
    assert any(n.timely for n in found) is ("excuse" in read)
    excuse = seen.terms.claims[name].excuse
    assert "excuse" not in read or (excuse and bare(read["excuse"]) == excuse.claim)


DECIDED = r"Claim <claim:claim> is <value:state>(?: for (?P<spot>\w+ \d+))?(?:, since <since:M>)?: "


def decided(seen: Seen, read: Read, answer: Why) -> tuple[str, int]:
    """The period that a sentence tells."""
    name, number = spot(answer.subject.replace("#", " period "))
    assert seen.value(name, number) == read["value"] == answer.state
    assert bare(read["claim"]) == name
    assert "spot" not in read or spot(f"{name} {read['spot']}") == (name, number)
    assert "since" not in read or instant(read["since"]) == seen.since("claim", f"{name}#{number}")
    return name, number


@SAYS.form(DECIDED + r"no quorum of monitors agreed by <at:M>, when the time to report was over\.")
def unknown(seen: Seen, read: Read, answer: Why) -> None:
    """UNKNOWN."""
    name, number = decided(seen, read, answer)
    assert read["value"] == "UNKNOWN"
    assert instant(read["at"]) == seen.report_by(seen.terms.claims[name], number)


@SAYS.form(DECIDED + r"a notice given in time covers it, and claim <excuse:claim> is supported\.")
def excused(seen: Seen, read: Read, answer: Why) -> None:
    """EXCUSED."""
    name, number = decided(seen, read, answer)
    excuse = seen.terms.claims[name].excuse
    assert read["value"] == "EXCUSED"
    assert excuse
    assert bare(read["excuse"]) == excuse.claim
    assert seen.value(excuse.claim, number) == "SUPPORTED"


@SAYS.form(DECIDED + r"(?P<upheld>allegation .+), unless enough monitors had attested before that it did not hold\.")
def by_allegation(seen: Seen, read: Read, answer: Why) -> None:
    """REFUTED by an upheld allegation, if not by the monitors: the state does not tell."""
    name, number = decided(seen, read, answer)
    assert read["value"] == "REFUTED"
    (change,) = [c for c in seen.changes if c.subject == f"{name}#{number}" and c.kind == "claim"]
    assert change.rule in {"claim.upheld", "claim.refuted", "claim.waited"}, change
    told_ = re.findall(r"allegation (\S+) is UPHELD \((.+?) (?:admitted|voted to uphold) it", read["upheld"])
    assert told_
    for known, who in told_:
        held = seen.state.allegations[known]
        assert (held.outcome, held.claim, held.period) == ("UPHELD", name, number)
        assert held.answer == "ADMITTED" or people(who) <= {w for w, said in held.votes.items() if said}


@SAYS.form(r"The record shows which, and when\.")
def see_which(_seen: Seen, _read: Read, answer: Why) -> None:
    """Where two may have decided it."""
    assert answer.state == "REFUTED"


@SAYS.form(DECIDED + r"(?:(?P<at_least>at least )?<least:N> of |(?P<all>))<who:who> attested that it "
           r"(?P<what>held|did not hold)(?P<excuse>, and what would have excused it was not supported)?\.")  # fmt: skip
def by_monitors(seen: Seen, read: Read, answer: Why) -> None:
    """SUPPORTED or REFUTED by a quorum: so many did say so, in time."""
    name, number = decided(seen, read, answer)
    rules, value = seen.terms.claims[name], read["what"] == "held"
    assert (read["value"] == "SUPPORTED") is value
    same(people(read["who"]), rules.monitors)
    least = rules.support if value else rules.refute
    assert int(read.get("least", len(rules.monitors))) == least
    (change,) = [c for c in seen.changes if c.subject == f"{name}#{number}" and c.kind == "claim"]
    assert change.rule in {"claim.supported", "claim.refuted", "claim.waited"}, change
    [said] = [ground.names for ground in change.cause if isinstance(ground, Actors)]
    assert len(said) >= least
    if read.get("at_least") is None:
        assert len(said) == least, f"{len(said)} said so, told {least}"


@SAYS.form(r"The record shows (?:whose attestations decided it|when|whose attestations decided it and when)\.")
def see_record(_seen: Seen, _read: Read, answer: Why) -> None:
    """What the state does not keep."""
    assert answer.state in {"SUPPORTED", "REFUTED"}


# --- allegations ------------------------------------------------------------------------------------------------------


@SAYS.form(r"Allegation <name:id> is <state:state>: <because:text>\.")
def allegation_is(seen: Seen, read: Read, answer: Why) -> None:
    """An outcome and its cause."""
    name = read["name"]
    held, because = seen.state.allegations[name], read["because"]
    assert name == answer.subject
    assert held.outcome == read["state"] == answer.state
    if held.outcome == "OPEN":
        assert because == "not yet decided"
        return
    change = [c for c in seen.changes if (c.kind, c.subject) == ("allegation", name) and c.after == held.outcome][-1]
    match change.rule:
        case "allegation.timeout":
            at = re.search(r"(?:decided it by|was over before, on) (.*? UTC \(.*?\))", because)
            assert at, because
            assert instant(at[1]) == held.raised_at + seen.terms.allegations.determination
        case "allegation.admitted":
            assert "admitted it" in because
        case "allegation.upheld" | "allegation.dismissed":
            word = "uphold" if held.outcome == "UPHELD" else "dismiss"
            found = re.search(rf"(?:^|, | and |admitted it and )([\w ,–()]*?) voted to {word} it", because)
            assert found, because
            voters = {who for who, said in held.votes.items() if said is (held.outcome == "UPHELD")}
            assert people(found[1].rpartition("admitted it and ")[2]) <= voters
        case "allegation.refuted" | "allegation.clean":
            assert "the monitors " in because, because
            tail = re.search(r"the monitors (?:had )?found (\w+(?: \w+ \d+)?) ([A-Z]+)", because)
            assert tail
            assert seen.value(*spot(tail[1])) == tail[2]
        case _:
            raise AssertionError(change.rule)


@SAYS.form(r"<who:id> alleged on <at:M> that (?:claim <claim:claim> did not hold(?: on (?P<spot>\w+ \d+))?"
           r"|tranche <tranche:id> was not delivered sealed in time)\.")  # fmt: skip
def alleged(seen: Seen, read: Read, answer: Why) -> None:
    """Who alleged what, and when."""
    held = seen.state.allegations[answer.subject]
    assert (held.by, held.raised_at) == (read["who"], instant(read["at"]))
    assert held.tranche == read.get("tranche")
    assert "claim" not in read or bare(read["claim"]) == held.claim
    assert "spot" not in read or int(read["spot"].partition(" ")[2]) == held.period


@SAYS.form(r"The answer: <answer:state>\.", r"It has not been answered yet\.", r"It was never answered\.")
def answered(seen: Seen, read: Read, answer: Why) -> None:
    """Its answer."""
    assert seen.state.allegations[answer.subject].answer == read.get("answer")


@SAYS.form(r"(?:While it is open it|It) holds the arrangement, at most until <at:M><away:away>\.")
def holds(seen: Seen, read: Read, answer: Why) -> None:
    """A hold that runs."""
    held = seen.state.allegations[answer.subject]
    assert held.holding
    assert instant(read["at"]) == held.raised_at + seen.terms.allegations.hold
    assert seen.state.arrangement.phase == "EFFECTIVE"


@SAYS.form(r"While it is open it holds the arrangement.*")
def holds_open(seen: Seen, _read: Read, answer: Why) -> None:
    """Never said of what is decided (the form above read it otherwise)."""
    assert seen.state.allegations[answer.subject].outcome == "OPEN"


@SAYS.form(r"The monitors may settle it first: <need:text>\.")
def may_settle(seen: Seen, read: Read, answer: Why) -> None:
    """What the period lacks."""
    assert seen.state.allegations[answer.subject].outcome == "OPEN"
    told(seen, read["need"])
