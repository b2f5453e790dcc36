"""What `why` says of duties, and of how they are met and broken."""

from __future__ import annotations

import re

from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import Withdraw
from armslength.core.arrangement.state import DutyState, Instance
from armslength.views.asked import Why
from tests.views.phrases import NEEDS, told
from tests.views.reading import Read, Seen, bare, instant, is_span, numbers, people, same
from tests.views.sentences import SAYS, away, meant

CONSEQUENCE = {
    "suspend": "the arrangement is suspended",
    "withhold": "tranches that depend on it stay withheld",
    "record": "it goes on record, and nothing else follows",
}


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


@SAYS.form(
    r"It can never fall due any more: <need:text>\.",
    r"What would have made it owed can never come any more: <need:text>\.",
)
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


@SAYS.form(VIOLATION + r"; it is cured if \w+ (?P<window>[\d–, ]+) (?:is|are) clean, and breached if not\.")
def may_be_cured(seen: Seen, read: Read, answer: Why) -> None:
    """An open violation and its window."""
    _, found = instance(seen, read, answer)
    assert found.state == "OVERDUE"
    cure, claim = seen.terms.duties[answer.subject].cure, seen.terms.claims[seen.terms.duties[answer.subject].claim]
    window = numbers(read["window"])
    assert window == list(range(found.first + 1, found.first + 1 + cure))
    assert seen.span(claim, window[-1])[0] + (claim.period or 0) <= seen.terms.end, "the term cuts the window"


@SAYS.form(
    VIOLATION + r"; the term ends before \w+ (?P<window>[\d–, ]+) (?:is|are) over, so that it can be cured no more\."
)
def window_is_cut(seen: Seen, read: Read, answer: Why) -> None:
    """A window that the term cuts."""
    _, found = instance(seen, read, answer)
    claim = seen.terms.claims[seen.terms.duties[answer.subject].claim]
    window = numbers(read["window"])
    assert window == list(range(found.first + 1, found.first + 1 + seen.terms.duties[answer.subject].cure))
    assert seen.span(claim, window[-1])[0] + (claim.period or 0) > seen.terms.end
    seen.nevers.append(("instance", f"{answer.subject}#{found.first}", "CURED"))


@SAYS.form(
    VIOLATION + r"; <run:N> clean \w+(?: in a row)?(?: after \w+ <broke:N>)? would remedy it \(<so_far:N> so far\)\."
)
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


@SAYS.form(
    VIOLATION
    + r"; the <run:N> clean \w+(?: in a row)?(?: after \w+ <broke:N>)? that would remedy it can come no more\."
)
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
    assert seen.terms.duties[answer.subject].still_owed
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


@SAYS.form(
    r"Its clock has been paused since <at:M>: once it runs again, "
    r"(?:<left:S> (?:to cure it )?will be left|no time is left)\."
)
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
            assert re.match("no (?:release|key) came when due on |no key came by ", cause), cause
            if cause.startswith("no release came"):
                due = seen.state.duties[f"{name}.release"].due
                assert tranche.released_at is None or (due is not None and tranche.released_at > due)


@SAYS.form(r"<who:id> may withdraw at once, without notice\.")
def may_leave(seen: Seen, read: Read, answer: Why) -> None:
    """A recipient's right."""
    name = answer.subject.removesuffix(".release")
    assert seen.terms.tranches[name].recipient == read["who"]
    leaves_at_once(seen, read["who"])


def leaves_at_once(seen: Seen, party: str) -> None:
    """A notice that ends when it is given."""
    act = step.EntryInput(author=party, stamp=seen.now, type="withdraw", body=Withdraw(), entry="w")
    out = step.apply(seen.terms, seen.state, act)
    notice = out.state.arrangement.withdrawals[party]
    assert notice.ends == notice.at == out.at
