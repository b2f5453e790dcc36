"""What `why` says, read back: every sentence, checked against the state that it is said of."""

from __future__ import annotations

import re

from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import Resume
from armslength.core.arrangement.draft import reached
from armslength.core.arrangement.state import DutyState, Instance
from armslength.views.asked import Why
from armslength.views.words import MEANINGS
from tests.views.phrases import NEEDS, told
from tests.views.reading import Forms, Read, Seen, bare, instant, is_span, names, numbers, people, same, spot

SAYS = Forms("sentence")
CONSEQUENCE = {
    "suspend": "the arrangement is suspended",
    "withhold": "tranches that depend on it stay withheld",
    "record": "it goes on record, and nothing else follows",
}
ENDS = {
    "withdrawal": "after a withdrawal",
    "suspension": "after a suspension that was not ended in time",
    None: "once its term was over",
}


def away(seen: Seen, read: Read, at: int) -> None:
    """`, in 2 h`, `, 2 h ago`, `, now`: how far away a moment is."""
    said = read.get("away", "")
    if said == ", now":
        assert at == seen.now
    elif said.endswith(" ago"):
        assert at < seen.now
        assert is_span(said, seen.now - at)
    elif said:
        assert at > seen.now
        assert is_span(said, at - seen.now)
    else:
        assert seen.now == 0


def meant(seen: Seen, state: str, text: str) -> None:
    """The meaning stands beside its state."""
    assert MEANINGS[state] == text, (state, text)


# --- duties -----------------------------------------------------------------------------------------------------------


@SAYS.form(r"<duty:duty> is <state:state>: <means:text>(?:, since <since:M>)?\.")
def duty_is(seen: Seen, read: Read, answer: Why) -> None:
    """A duty's state, and since when."""
    assert bare(read["duty"]) == answer.subject
    assert seen.state.duties[answer.subject].state == read["state"] == answer.state
    meant(seen, read["state"], read["means"])
    assert (read["state"] == "PENDING") is ("since" not in read)
    assert "since" not in read or instant(read["since"]) == seen.since("duty", answer.subject)


@SAYS.form(r"<who:id>'s duty to release <tranche:id> is <state:state>: <means:text>(?:, since <since:M>)?\.")
def release_is(seen: Seen, read: Read, answer: Why) -> None:
    """A release duty's."""
    assert answer.subject == f"{read['tranche']}.release"
    assert seen.terms.tranches[read["tranche"]].provider == read["who"]
    assert seen.state.duties[answer.subject].state == read["state"] == answer.state
    meant(seen, read["state"], read["means"])
    assert "since" not in read or instant(read["since"]) == seen.since("duty", answer.subject)


@SAYS.form(r"<who:id> owes it once this comes: <need:text>\.")
def owed_once(seen: Seen, read: Read, answer: Why) -> None:
    """A pending duty's trigger."""
    assert seen.terms.duties[answer.subject].debtor == read["who"]
    assert seen.state.duties[answer.subject].state == "PENDING"
    told(seen, read["need"])


@SAYS.form(r"It can never fall due any more: <need:text>\.", r"What would have made it owed can never come any more: <need:text>\.")
def never_due(seen: Seen, read: Read, answer: Why) -> None:
    """A trigger that can no longer come."""
    assert answer.state in {"PENDING", "EXPIRED"}
    NEEDS.read(seen, read["need"])
    seen.nevers.append(("duty", answer.subject, "ACTIVE"))


@SAYS.form(r"The term is over\.")
def term_over(seen: Seen, _read: Read, answer: Why) -> None:
    """An expired duty."""
    assert answer.state == "EXPIRED"
    assert seen.now >= seen.terms.end or seen.state.arrangement.phase != "EFFECTIVE"


def instance(seen: Seen, read: Read, answer: Why) -> tuple[DutyState, Instance]:
    """The violation that a sentence tells."""
    held = seen.state.duties[answer.subject]
    (found,) = [i for i in held.instances if i.first == int(read["first"])]
    assert found.state == read["state"]
    assert instant(read["since"]) == found.at
    claim = seen.terms.duties[answer.subject].claim
    assert seen.value(claim, found.first) == "REFUTED"
    return held, found


VIOLATION = r"The violation that began on \w+ <first:N> is <state:state> since <since:M>"


@SAYS.form(VIOLATION + r"; it is cured if \w+ (?P<window>[\d–, ]+) (?:is|are) clean, and breached if not\.")  # noqa: RUF001
def may_be_cured(seen: Seen, read: Read, answer: Why) -> None:
    """An open violation and its window."""
    _, found = instance(seen, read, answer)
    assert found.state == "OVERDUE"
    cure, claim = seen.terms.duties[answer.subject].cure, seen.terms.claims[seen.terms.duties[answer.subject].claim]
    window = numbers(read["window"])
    assert window == list(range(found.first + 1, found.first + 1 + cure))
    assert seen.span(claim, window[-1])[0] + (claim.period or 0) <= seen.terms.end, "the term cuts the window"


@SAYS.form(VIOLATION + r"; the term ends before \w+ (?P<window>[\d–, ]+) (?:is|are) over, so that it can be cured no more\.")  # noqa: RUF001
def window_is_cut(seen: Seen, read: Read, answer: Why) -> None:
    """A window that the term cuts."""
    _, found = instance(seen, read, answer)
    claim = seen.terms.claims[seen.terms.duties[answer.subject].claim]
    window = numbers(read["window"])
    assert window == list(range(found.first + 1, found.first + 1 + seen.terms.duties[answer.subject].cure))
    assert seen.span(claim, window[-1])[0] + (claim.period or 0) > seen.terms.end
    seen.nevers.append(("instance", f"{answer.subject}#{found.first}", "CURED"))


@SAYS.form(VIOLATION + r"; <run:N> clean \w+(?: in a row)?(?: after \w+ <broke:N>)? would remedy it \(<so_far:N> so far\)\.")
def may_be_remedied(seen: Seen, read: Read, answer: Why) -> None:
    """A breach, and how far its remedy has come."""
    _, found = instance(seen, read, answer)
    terms = seen.terms.duties[answer.subject]
    assert found.state == "BREACHED"
    assert int(read["run"]) == terms.remedy_run
    assert found.broke == (int(read["broke"]) if "broke" in read else None)
    values = [seen.value(terms.claim, n) for n in range(seen.count(seen.terms.claims[terms.claim]))]
    values = values[(found.broke if found.broke is not None else found.first) + 1 :]
    run = best = 0
    for value in values:
        if value == "UNDECIDED":
            break
        run = run + 1 if value in {"SUPPORTED", "EXCUSED"} else 0
        best = run
    assert int(read["so_far"]) == best < int(read["run"])
    hope = "".join("1" if value in {"SUPPORTED", "EXCUSED", "UNDECIDED"} else "0" for value in values)
    assert "1" * int(read["run"]) in hope, "too few periods are left"


@SAYS.form(VIOLATION + r"; the <run:N> clean \w+(?: in a row)?(?: after \w+ <broke:N>)? that would remedy it can come no more\.")
def remedied_no_more(seen: Seen, read: Read, answer: Why) -> None:
    """A breach that stays."""
    _, found = instance(seen, read, answer)
    assert found.state == "BREACHED"
    assert int(read["run"]) == seen.terms.duties[answer.subject].remedy_run
    seen.nevers.append(("instance", f"{answer.subject}#{found.first}", "REMEDIED"))


@SAYS.form(VIOLATION + r"; it was a breach(?: by \w+ <broke:N>)?, and was made good\.")
def was_remedied(seen: Seen, read: Read, answer: Why) -> None:
    """A breach of before."""
    _, found = instance(seen, read, answer)
    assert found.state == "REMEDIED"
    assert found.broke == (int(read["broke"]) if "broke" in read else None)


@SAYS.form(VIOLATION + r"\.")
def was_cured(seen: Seen, read: Read, answer: Why) -> None:
    """A violation of before."""
    _, found = instance(seen, read, answer)
    assert found.state == "CURED"


@SAYS.form(r"<who:id> (?P<verb>owes|owed) it by <at:M><away:away>\.")
def owes_by(seen: Seen, read: Read, answer: Why) -> None:
    """A due date that counts."""
    held = seen.state.duties[answer.subject]
    assert seen.terms.duties[answer.subject].debtor == read["who"]
    assert instant(read["at"]) == held.due
    assert held.frozen_at is None
    assert (read["verb"] == "owed") is (held.due < seen.now)
    away(seen, read, instant(read["at"]))


@SAYS.form(r"It can still be cured, by <at:M><away:away>\.")
def curable(seen: Seen, read: Read, answer: Why) -> None:
    """Overdue."""
    held = seen.state.duties[answer.subject]
    assert (held.state, held.cure_due) == ("OVERDUE", instant(read["at"]))
    away(seen, read, instant(read["at"]))


@SAYS.form(r"Due: <at:M><away:away>\.")
def release_due(seen: Seen, read: Read, answer: Why) -> None:
    """A release's."""
    held = seen.state.duties[answer.subject]
    assert held.due == instant(read["at"])
    assert held.state in {"ACTIVE", "OVERDUE"}
    away(seen, read, instant(read["at"]))


@SAYS.form(r"It is still owed, and counts as remedied once shown\.")
def still_owed(seen: Seen, _read: Read, answer: Why) -> None:
    """A breach that lasts: some day it may be remedied."""
    assert seen.state.duties[answer.subject].state == "BREACHED"
    assert seen.terms.duties[answer.subject].perdurant
    assert seen.value(seen.terms.duties[answer.subject].claim, 0) == "UNDECIDED"
    assert seen.state.arrangement.phase == "EFFECTIVE" or survives_on(seen, seen.terms.duties[answer.subject].claim)


@SAYS.form(r"It is still owed, but nothing can show it any more\.")
def owed_for_ever(seen: Seen, _read: Read, answer: Why) -> None:
    """A breach that stays."""
    assert seen.state.duties[answer.subject].state == "BREACHED"
    seen.nevers.append(("duty", answer.subject, "REMEDIED"))


def survives_on(seen: Seen, claim: str) -> bool:
    """Whether a surviving duty may need the claim."""
    return any(duty.surviving for duty in seen.terms.duties.values())


@SAYS.form(r"<who:id> stated on <at:M> that it is done; the monitors decide\.")
def performed(seen: Seen, read: Read, answer: Why) -> None:
    """A statement of performance."""
    assert seen.state.duties[answer.subject].performed_at == instant(read["at"])
    authors = {e.author for e in seen.placed if e.type == "perform" and getattr(e.body, "duty", "") == answer.subject}
    assert read["who"] in authors, authors


@SAYS.form(r"Its clock stands still since <at:M>: once it runs again, (?:<left:S> (?:to cure it )?will be left|no time is left)\.")
def stands(seen: Seen, read: Read, answer: Why) -> None:
    """A frozen clock."""
    held = seen.state.duties[answer.subject]
    assert held.frozen_at == instant(read["at"])
    ends = held.cure_due if held.state == "OVERDUE" else held.due
    assert ends is not None
    assert is_span(read["left"], ends - held.frozen_at) if "left" in read else ends <= held.frozen_at


@SAYS.form(r"Consequence: <text:text>\.")
def consequence(seen: Seen, read: Read, answer: Why) -> None:
    """What follows from a breach."""
    terms, held = seen.terms.duties[answer.subject], seen.state.duties[answer.subject]
    assert held.state == "BREACHED"
    said = read["text"]
    if said == CONSEQUENCE["suspend"]:
        suspension = seen.state.arrangement.suspension
        assert suspension is not None
        assert answer.subject in suspension.duties
    else:
        assert said == CONSEQUENCE[terms.consequence]


@SAYS.form(r"While the term runs, such a breach suspends the arrangement; now that is <state:state>\.")
def suspended_nothing(seen: Seen, read: Read, answer: Why) -> None:
    """A breach that does not suspend now."""
    assert seen.terms.duties[answer.subject].consequence == "suspend"
    assert read["state"] == seen.state.shown
    suspension = seen.state.arrangement.suspension
    assert suspension is None or answer.subject not in suspension.duties


@SAYS.form(r"<who:who> waived it\.")
def waived(seen: Seen, read: Read, answer: Why) -> None:
    """Creditors."""
    same(people(read["who"]), seen.state.duties[answer.subject].waived)


@SAYS.form(r"<who:id> broke the duty to release <tranche:id>: <cause:text>\.")
def broke_release(seen: Seen, read: Read, _answer: Why) -> None:
    """A release duty's breach, by its cause."""
    name = read["tranche"]
    assert seen.state.duties[f"{name}.release"].state == "BREACHED"
    change = [c for c in seen.changes if c.subject == f"{name}.release" and c.after == "BREACHED"][-1]
    cause, tranche = read["cause"], seen.state.tranches[name]
    match change.rule:
        case "release.upheld":
            assert "upheld" in cause
        case "release.abandoned":
            assert cause == "it was still overdue when the tranche was forfeited"
        case _:
            assert change.rule == "release.breached"
            assert re.match("no (?:release|key) came when due on ", cause), cause
            if cause.startswith("no release came"):
                due = seen.state.duties[f"{name}.release"].due
                assert tranche.released_at is None or (due is not None and tranche.released_at > due)


@SAYS.form(r"<who:id> may withdraw at once, without notice\.")
def may_leave(seen: Seen, read: Read, answer: Why) -> None:
    """A recipient's right."""
    name = answer.subject.removesuffix(".release")
    assert seen.terms.tranches[name].recipient == read["who"]
    assert seen.state.arrangement.phase == "EFFECTIVE"
    assert seen.now < seen.terms.end


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
            found = re.fullmatch(r"(\d+) \w+ ([a-z ]+) \(([\d–, ]+)\)", part)  # noqa: RUF001
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


@SAYS.form(r"It is decided no more: the arrangement is <state:state>\.")
def no_more(seen: Seen, read: Read, answer: Why) -> None:
    """A period that stays undecided."""
    assert read["state"] == seen.state.shown
    seen.nevers.append(("claim", answer.subject, "*"))


@SAYS.form(r"Unless the excuse is supported, <spot:spot> is REFUTED\.")
def unless_excused(seen: Seen, read: Read, _answer: Why) -> None:
    """A refuting quorum that waits."""
    assert seen.value(*spot(read["spot"])) == "UNDECIDED"


@SAYS.form(r"A notice covers part of it, but came too late to excuse anything\.",
           r"A timely notice covers part of it: if claim <excuse:claim> is supported, the period is excused\.")  # fmt: skip
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


@SAYS.form(DECIDED + r"(?:(?P<at_least>at least )?<least:N> of |(?P<all>))<who:who> attested that it (?P<what>held|did not hold)"
           r"(?P<excuse>, and what would have excused it was not supported)?\.")  # fmt: skip
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
    said = change.cause.partition(" say ")[0].split(", ")
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
            found = re.search(rf"(?:^|, | and |admitted it and )([\w ,–()]*?) voted to {word} it", because)  # noqa: RUF001
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


# --- tranches ---------------------------------------------------------------------------------------------------------


@SAYS.form(r"<tranche:tranche> can never (?P<what>open|be released) any more: <need:text>\.")
def never_opens(seen: Seen, read: Read, answer: Why) -> None:
    """What can no longer come."""
    name = bare(read["tranche"])
    assert name == answer.subject.removesuffix(".release")
    assert seen.state.tranches[name].stage in {"LOCKED", "READY", "ARMED"}
    NEEDS.read(seen, read["need"])
    seen.nevers.append(("tranche", name, "RELEASED"))
    if read["what"] == "open":
        seen.nevers.append(("tranche", name, "READY"))


@SAYS.form(r"It is forfeited once the term is over \(<at:M>\) and its last periods are decided\.")
def forfeited_once(seen: Seen, read: Read, answer: Why) -> None:
    """When it is given up."""
    assert instant(read["at"]) == seen.terms.end


@SAYS.form(r"(?:And|Also|Besides): <need:text>\.")
def also(seen: Seen, read: Read, _answer: Why) -> None:
    """Further needs."""
    told(seen, read["need"])


@SAYS.form(r"<tranche:tranche> is locked: (?:it opens at the next step|<need:text>)\.",
           r"<tranche:tranche> is (?P<stage>ready|armed) since <since:M>: <need:text>\.",
           r"<tranche:tranche> is (?P<stage>released) for good since <since:M>: <need:text>\.")  # fmt: skip
def stage_is(seen: Seen, read: Read, answer: Why) -> None:
    """A stage and what it waits for."""
    name, stage = bare(read["tranche"]), read.get("stage", "locked").upper()
    held = seen.state.tranches[name]
    assert name == answer.subject.removesuffix(".release")
    assert (held.stage, held.shown) == (stage, stage)
    assert "since" not in read or instant(read["since"]) == seen.since("tranche", name)
    if "need" in read:
        told(seen, read["need"])


@SAYS.form(r"<tranche:tranche> was delivered on <at:M>\.")
def settled(seen: Seen, read: Read, answer: Why) -> None:
    """The end of a tranche."""
    name = bare(read["tranche"])
    assert seen.state.tranches[name].stage == "SETTLED"
    assert instant(read["at"]) == seen.since("tranche", name)


@SAYS.form(r"<tranche:tranche> will not be delivered: it was forfeited on <at:M>, <how:text>\.")
def forfeited(seen: Seen, read: Read, answer: Why) -> None:
    """The other end."""
    name = bare(read["tranche"])
    assert seen.state.tranches[name].stage == "FORFEITED"
    assert instant(read["at"]) == seen.since("tranche", name)
    assert read["how"] == ENDS[seen.state.arrangement.winding_by]


@SAYS.form(r"<tranche:tranche> is withheld: <reasons:text>\.")
def withheld(seen: Seen, read: Read, answer: Why) -> None:
    """Why it is withheld: every reason of the state, and none else."""
    held = seen.state.tranches[bare(read["tranche"])]
    assert held.shown == "WITHHELD"
    signs = {
        "held": "on hold",
        "suspended": "the arrangement is suspended since",
        "complaint": "has not been determined",
    }
    for reason, sign in signs.items():
        assert (reason in held.withheld) is (sign in read["reasons"]), (held.withheld, read["reasons"])
    for at in re.findall(r"suspended since (.*? UTC \(.*?\))", read["reasons"]):
        assert seen.state.arrangement.suspension
        assert instant(at) == seen.state.arrangement.suspension.since
    for name, at in re.findall(r"allegation (\S+) put the arrangement on hold, until (.*? UTC \(.*?\))", read["reasons"]):
        assert seen.state.allegations[name].holding
        assert instant(at) == seen.state.allegations[name].raised_at + seen.terms.allegations.hold


@SAYS.form(r"It was <stage:state> \(<means:text>\) and goes on from there once nothing withholds it\.")
def goes_on(seen: Seen, read: Read, answer: Why) -> None:
    """What it was."""
    assert seen.state.tranches[answer.subject].stage == read["stage"]
    meant(seen, read["stage"], read["means"])


@SAYS.form(r"<who:id> complains about <tranche:tranche> since <at:M>: <need:text>\.",
           r"<who:id> complained about <tranche:tranche> on <at:M>, and the complaint was upheld\.")  # fmt: skip
def complains(seen: Seen, read: Read, answer: Why) -> None:
    """A complaint."""
    name = bare(read["tranche"])
    held = seen.state.tranches[name]
    assert held.stage == "COMPLAINED"
    assert seen.terms.tranches[name].recipient == read["who"]
    assert held.complaint == ("OPEN" if "need" in read else "UPHELD")
    if "need" in read:
        told(seen, read["need"])
    assert instant(read["at"]) == held.complained_at


# --- the arrangement --------------------------------------------------------------------------------------------------


@SAYS.form(r"The arrangement is <state:state>: <means:text>(?:; it took effect on <began:M>|, since <since:M>)?\.")
def arrangement_is(seen: Seen, read: Read, answer: Why) -> None:
    """The running state, and since when."""
    assert read["state"] == seen.state.shown == answer.state
    meant(seen, read["state"], read["means"])
    held = seen.state.arrangement
    if "began" in read:
        assert instant(read["began"]) == held.effective_at
    if "since" not in read:
        return
    entered = [c.at for c in seen.changes if c.kind == "arrangement" and c.after == read["state"]]
    if read["state"] in {"HELD", "SUSPENDED"}:
        assert instant(read["since"]) <= seen.now
        last = max(c.at for c in seen.changes if c.kind == "arrangement" and c.after != "EXCLUDED")
        assert instant(read["since"]) == last or read["state"] == "HELD", (read["since"], last)
    else:
        assert instant(read["since"]) >= max(entered)
        assert instant(read["since"]) == seen.since("arrangement", "arrangement")


@SAYS.form(r"<who:who> (?:has|have) yet to sign\.")
def unsigned(seen: Seen, read: Read, _answer: Why) -> None:
    """Signatures that are missing."""
    same(people(read["who"]), set(seen.terms.parties) - set(seen.state.arrangement.signed))


@SAYS.form(r"<who:who> did not sign by <at:M>\.")
def never_signed(seen: Seen, read: Read, _answer: Why) -> None:
    """The same, lapsed."""
    same(people(read["who"]), set(seen.terms.parties) - set(seen.state.arrangement.signed))
    assert instant(read["at"]) == seen.terms.entry_by


@SAYS.form(r"The breach of <duties:text> suspended it\.")
def suspended_by(seen: Seen, read: Read, _answer: Why) -> None:
    """Whose breach it was."""
    suspension = seen.state.arrangement.suspension
    assert suspension
    same(map(bare, re.split(r", | and ", read["duties"])), suspension.duties)


@SAYS.form(r"<duties:list> must still be remedied\.", r"What broke has been remedied\.",
           r"<duties:list> can be remedied no more, and (?:is|are) not waited for\.")  # fmt: skip
def to_remedy(seen: Seen, read: Read, answer: Why) -> None:
    """What is broken still."""
    suspension = seen.state.arrangement.suspension
    assert suspension
    broken = {name for name in suspension.duties if seen.state.duties[name].state == "BREACHED"}
    said = set(names(read["duties"])) if "duties" in read else set()
    assert said <= broken
    assert said or not broken
    if seen.now > suspension.since + seen.terms.max_suspension or seen.now >= seen.terms.end:
        return
    state = seen.state
    for party in set(seen.terms.parties) - set(suspension.resumed):
        act = step.Act(author=party, stamp=seen.now, type="resume", body=Resume(), entry=party)
        if state.arrangement.suspension is not None:
            state = step.apply(seen.terms, state, act).state
    must = any(sentence.endswith("must still be remedied.") for sentence in answer.sentences)
    assert (state.arrangement.suspension is not None) is must


@SAYS.form(r"<voters:who> agreed to resume, which suffices: they are the determiners' quorum\.")
def determiners_resume(seen: Seen, read: Read, _answer: Why) -> None:
    """Enough determiners."""
    suspension, rules = seen.state.arrangement.suspension, seen.terms.allegations.determiners
    assert suspension
    voters = people(read["voters"])
    assert voters <= set(suspension.resumed)
    assert reached(seen.terms, tuple(voters), rules.count, rules.groups, rules.including)


@SAYS.form(r"(?:<some:who> agreed to resume; )?<who:who> (?:has|have) yet to agree to resume\.")
def to_resume(seen: Seen, read: Read, _answer: Why) -> None:
    """Parties whose agreement is missing."""
    suspension = seen.state.arrangement.suspension
    assert suspension
    same(people(read["some"]) if "some" in read else (), suspension.resumed)
    same(people(read["who"]), set(seen.terms.parties) - set(suspension.resumed))


@SAYS.form(r"Without them the determiners may agree instead: it takes <k:N> of <of:who>(?:, (?P<must>[^;]*?) among them)?"
           r"(?P<groups>(?:, at least \d+ of them \w+)*); (?:none has so far|<some:who> did so far)\.")  # fmt: skip
def or_determiners(seen: Seen, read: Read, _answer: Why) -> None:
    """Determiners who may agree."""
    suspension, rules = seen.state.arrangement.suspension, seen.terms.allegations.determiners
    assert suspension
    assert int(read["k"]) == rules.count
    same(people(read["of"]), rules.of)
    same(people(read["must"]) if read.get("must") else (), rules.including)
    groups = {group: int(least) for least, group in re.findall(r"at least (\d+) of them (\w+)", read["groups"])}
    assert groups == rules.groups
    voters = {n for n in suspension.resumed if n in rules.of and n not in seen.state.arrangement.excluded}
    same(people(read["some"]) if "some" in read else (), voters)


@SAYS.form(r"Allegation <name:id> by <who:id> holds it, at most until <at:M><away:away>\.")
def held_by(seen: Seen, read: Read, _answer: Why) -> None:
    """A hold."""
    held = seen.state.allegations[read["name"]]
    assert held.holding
    assert (held.by, instant(read["at"])) == (read["who"], held.raised_at + seen.terms.allegations.hold)
    away(seen, read, instant(read["at"]))


@SAYS.form(r"<who:id> gave notice of withdrawal on <at:M>, (?P<what>to end|which ended) on <ends:M>\.",
           r"<who:id> gave notice of withdrawal on <at:M>, to end on <ends:M>, after the end of the term\.")  # fmt: skip
def gave_notice(seen: Seen, read: Read, _answer: Why) -> None:
    """A notice of withdrawal."""
    notice_ = seen.state.arrangement.withdrawals[read["who"]]
    assert (notice_.at, notice_.ends) == (instant(read["at"]), instant(read["ends"]))
    if read.get("what") == "which ended":
        assert notice_.ends <= seen.now


@SAYS.form(r"It (?P<verb>is|was) wound up <how:text>; (?:still to settle: <owed:list>|no tranche is owed any more)\.")
def wound_up(seen: Seen, read: Read, _answer: Why) -> None:
    """Winding up."""
    held = seen.state.arrangement
    assert (held.phase == "WINDING") is (read["verb"] == "is")
    assert read["how"] == ENDS[held.winding_by]
    owed = {n for n, t in seen.state.tranches.items() if t.stage in {"READY", "ARMED", "RELEASED"} or t.complaint == "OPEN"}
    same(names(read["owed"]) if "owed" in read else (), owed)


@SAYS.form(r"<duty:duty> survives it: <state:state>\.")
def survives(seen: Seen, read: Read, _answer: Why) -> None:
    """Surviving duties."""
    assert seen.terms.duties[bare(read["duty"])].surviving
    assert seen.state.duties[bare(read["duty"])].state == read["state"]


@SAYS.form(r"<who:id> signed statements that contradict each other, and counts no more since <at:M>\.")
def excluded(seen: Seen, read: Read, _answer: Why) -> None:
    """An equivocator."""
    assert seen.state.arrangement.excluded[read["who"]] == instant(read["at"])


# --- what comes next --------------------------------------------------------------------------------------------------


@SAYS.form(r"Next: <waits:text>, by <at:M><away:away>; if nothing comes, <then:text> at <fires:M>\.",
           r"Next: on <fires:M><away:away>, <then:text>\.",
           r"Next: <waits:text>, by <at:M><away:away>; after that <then:text>\.")  # fmt: skip
def next_is(seen: Seen, read: Read, answer: Why) -> None:
    """The soonest of the answer's deadlines on which something rests; each is checked by itself."""
    found = [d for d in answer.deadlines if not d.idle and d.then == read["then"]]
    if "fires" in read:
        found = [d for d in found if d.fires == instant(read["fires"])]
    if "at" in read:
        found = [d for d in found if d.at == instant(read["at"]) and d.waits_for == read["waits"]]
    assert found
    away(seen, read, found[0].at)


@SAYS.form(r"<need:text>\.")
def a_need(seen: Seen, read: Read, _answer: Why) -> None:
    """A need as a sentence of its own."""
    told(seen, read["need"])
