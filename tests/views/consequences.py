"""What is said to follow if nothing comes, held against what does follow when nothing comes."""

from __future__ import annotations

from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import Allege
from armslength.views.deadlines import Deadline, deadlines
from armslength.views.status import status
from tests.views.phrases import silence
from tests.views.reading import Forms, Read, Seen, people, spot
from tests.views.sentences_duties import leaves_at_once

THEN, WAITS = Forms("consequence"), Forms("what is waited for")
OVER = {"WINDING", "TERMINATED"}


def soonest(seen: Seen, steps: int) -> Seen:
    """Let time pass, deadline by deadline: what was told for each instant happens at it. Returns the last state."""
    for _ in range(steps):
        running = deadlines(seen.terms, seen.state)
        for deadline in running:
            WAITS.read(seen, deadline.waits_for, deadline)
        the_status(seen, running)
        firing = [d.fires for d in running if d.fires is not None]
        engine = step.next_deadline(seen.terms, seen.state)
        if not firing:
            return seen
        assert engine is not None
        assert engine <= min(firing), f"nothing happens at {min(firing)}, though told: {running}"
        assert min(firing) > seen.now, running
        then = silence(seen, min(firing))
        for deadline in running:
            if deadline.fires == min(firing):
                THEN.read(then, deadline.then, deadline, seen)
            elif deadline.fires is None and deadline.at < min(firing):
                THEN.read(silence(seen, deadline.at + 1), deadline.then, deadline, seen)
        seen = then
    return seen


def the_status(seen: Seen, running: tuple[Deadline, ...]) -> None:
    """The overview shows these deadlines, and the states."""
    view = status(seen.terms, seen.state)
    assert view.state == seen.state.shown
    assert view.deadlines == running
    assert view.next == next((d for d in running if d.fires is not None and not d.idle), None)
    for duty in view.duties:
        held = seen.state.duties[duty.id]
        assert duty.state == held.state
        assert duty.due is None or (duty.due == held.due and held.state in {"ACTIVE", "OVERDUE"})
        assert duty.cure_due is None or (duty.cure_due == held.cure_due and held.state == "OVERDUE")
        assert duty.remedied == sum(i.state == "REMEDIED" for i in held.instances)
        assert held.state == "PENDING" or duty.since == seen.since("duty", duty.id)
    for tranche in view.tranches:
        assert tranche.state == seen.state.tranches[tranche.id].shown
    for allegation in view.allegations:
        assert allegation.outcome == seen.state.allegations[allegation.id].outcome
    for party, left in view.holds_left.items():
        used = {n for n, a in seen.state.allegations.items() if a.by == party}
        assert seen.terms.allegations.holds_per_party - len(used) <= left <= seen.terms.allegations.holds_per_party


@THEN.form(r"it lapses")
def lapses(seen: Seen, _read: Read, _told: Deadline, _before: Seen) -> None:
    """Not signed in time."""
    assert seen.state.shown == "LAPSED"


@THEN.form(r"it starts, and is in force")
def starts(seen: Seen, _read: Read, told: Deadline, _before: Seen) -> None:
    """D."""
    assert seen.state.arrangement.effective_at == told.at


@THEN.form(r"the term ends", r"the term ends, and the suspension with it",
           r"the term ends; what is still LOCKED or READY once its last periods are decided is forfeited")  # fmt: skip
def ends(seen: Seen, read: Read, told: Deadline, before: Seen) -> None:
    """The end of the term: what was locked is forfeited, now or when the last periods are decided."""
    assert told.at == seen.terms.end
    assert ("suspension" in told.then) is (before.state.arrangement.suspension is not None)
    assert seen.state.shown != "SUSPENDED"
    if told.then.endswith("is forfeited"):
        last = silence(seen, seen.terms.end + 10_000)
        assert not {"LOCKED", "READY"} & {t.stage for t in last.state.tranches.values()}


@THEN.form(r"(?:the term ends, and |(?P<who>\w+)'s notice of withdrawal ends, and )?it is wound up")
def wound_up(seen: Seen, _read: Read, _told: Deadline, _before: Seen) -> None:
    """The end before the end."""
    assert seen.state.arrangement.phase in OVER


@THEN.form(r"it is wound up, unless nothing is left to remedy")
def wound_up_or_resumed(seen: Seen, _read: Read, _told: Deadline, _before: Seen) -> None:
    """Agreed to be resumed, what is left to remedy decides."""
    assert seen.state.arrangement.suspension is None


@THEN.form(r"<spot:spot> stays UNKNOWN for good(?:, and <other:spot> is REFUTED)?", r"<other:spot> is REFUTED for good")
def unknown(seen: Seen, read: Read, _told: Deadline, _before: Seen) -> None:
    """A period that nobody decides."""
    if "spot" in read:
        assert seen.value(*spot(read["spot"])) == "UNKNOWN"
    if "other" in read:
        assert seen.value(*spot(read["other"])) == "REFUTED"


@THEN.form(
    r"(?:<duty:id>|<tranche:id>'s release) is (?P<state>OVERDUE|BREACHED|CURED)(?P<mended>, and REMEDIED at once)?"
    r"(?:(?P<suspends>: the arrangement is suspended)|: [a-z ,]+|(?P<leave>, and <who:id> may withdraw at once))?"
)
def fails(seen: Seen, read: Read, told: Deadline, _before: Seen) -> None:
    """A duty that is not met, and what follows from it."""
    name = read.get("duty") or f"{read['tranche']}.release"
    assert name == told.subject
    assert seen.state.duties[name].state == ("REMEDIED" if "mended" in read else read["state"])
    if "suspends" in read:
        suspension = seen.state.arrangement.suspension
        assert suspension
        assert name in suspension.duties
    if "leave" in read:
        assert seen.terms.tranches[read["tranche"]].recipient == read["who"]
        leaves_at_once(seen, read["who"])


@THEN.form(r"the hold of <name:id> ends, unless a decision ends it first", r"the hold of <name:id> ends")
def hold_ends(seen: Seen, read: Read, _told: Deadline, _before: Seen) -> None:
    """A hold's limit."""
    assert not seen.state.allegations[read["name"]].holding


@THEN.form(r"<name:id> counts as UNANSWERED")
def unanswered(seen: Seen, read: Read, _told: Deadline, _before: Seen) -> None:
    """No answer."""
    assert seen.state.allegations[read["name"]].answer == "UNANSWERED"


@THEN.form(r"<name:id> is DISMISSED")
def dismissed(seen: Seen, read: Read, _told: Deadline, _before: Seen) -> None:
    """No decision."""
    assert seen.state.allegations[read["name"]].outcome == "DISMISSED"


@THEN.form(r"<tranche:id> is FORFEITED")
def forfeited(seen: Seen, read: Read, _told: Deadline, _before: Seen) -> None:
    """Too late for what was ready."""
    assert seen.state.tranches[read["tranche"]].stage == "FORFEITED"


@THEN.form(r"<tranche:id> counts as received: SETTLED")
def settled(seen: Seen, read: Read, _told: Deadline, _before: Seen) -> None:
    """Silence after the key."""
    assert seen.state.tranches[read["tranche"]].stage == "SETTLED"


@THEN.form(r"the complaint is <state:state> by default")
def by_default(seen: Seen, read: Read, told: Deadline, _before: Seen) -> None:
    """A complaint that nobody determines."""
    assert seen.state.tranches[told.subject].complaint == read["state"]


@THEN.form(r"<who:id> may allege that <tranche:id> was not delivered sealed in time")
def may_allege(seen: Seen, read: Read, _told: Deadline, before: Seen) -> None:
    """A right that opens, unless it was used or something else has happened meanwhile."""
    if seen.state.tranches[read["tranche"]].shown != "READY" or seen.state.arrangement.phase != "EFFECTIVE":
        return
    assert f"{read['who']}/{read['tranche']}" not in seen.state.allegations, "it has alleged that already"
    body = Allege(tranche=read["tranche"], hold=False)
    act = step.EntryInput(author=read["who"], stamp=seen.now, type="allege", body=body, entry="a")
    assert step.apply(seen.terms, seen.state, act).state.allegations


@WAITS.form(r"<who:who> to sign")
def to_sign(seen: Seen, read: Read, _told: Deadline) -> None:
    """Those who have not."""
    assert people(read["who"]) == set(seen.terms.parties) - set(seen.state.arrangement.signed)


@WAITS.form(r"(?:(?P<all>all of )|<least:N> of )?<who:who> to decide <spot:spot>",
            r"(?:(?P<all>all of )|<least:N> of )?<who:who> to support <spot:spot>, "
            r"or <refute:N> to refute it")  # fmt: skip
def to_decide(seen: Seen, read: Read, told: Deadline) -> None:
    """A claim's quorum."""
    name, number = spot(read["spot"])
    rules = seen.terms.claims[name]
    assert told.subject == f"{name}#{number}"
    assert seen.value(name, number) == "UNDECIDED"
    assert people(read["who"]) == set(rules.monitors)
    least = len(rules.monitors) if "all" in read else int(read.get("least", 1))
    assert (least, int(read.get("refute", least))) == (rules.support, rules.refute)


@WAITS.form(r"its excuse, <claim:id>")
def to_excuse(seen: Seen, read: Read, told: Deadline) -> None:
    """The excuse of a refuting quorum."""
    excuse = seen.terms.claims[told.subject.partition("#")[0]].excuse
    assert excuse
    assert excuse.claim == read["claim"]


@WAITS.form(r"<who:id> to perform, shown by claim <claim:id>")
def to_perform(seen: Seen, read: Read, told: Deadline) -> None:
    """A duty's performer."""
    terms = seen.terms.duties[told.subject]
    assert (terms.performer, terms.claim) == (read["who"], read["claim"])


@WAITS.form(r"<who:id> to (?:release|hand over the key of) <tranche:id>")
def to_release(seen: Seen, read: Read, told: Deadline) -> None:
    """A tranche's provider."""
    assert told.subject == f"{read['tranche']}.release"
    assert seen.terms.tranches[read["tranche"]].provider == read["who"]
    released = seen.state.tranches[read["tranche"]].released_at is not None
    assert ("key" in told.waits_for) is released


@WAITS.form(r"<who:id> to confirm (?:that the sealed data has arrived|the content or to complain)")
def to_confirm(seen: Seen, read: Read, told: Deadline) -> None:
    """A tranche's recipient."""
    assert seen.terms.tranches[told.subject].recipient == read["who"]


@WAITS.form(r"an answer by the debtor")
def to_answer(seen: Seen, _read: Read, told: Deadline) -> None:
    """An allegation without one."""
    assert seen.state.allegations[told.subject].answer is None


@WAITS.form(r"a decision", r"the monitors or the determiners to decide", r"the determiners to decide")
def to_determine(seen: Seen, _read: Read, told: Deadline) -> None:
    """What is open; the monitors decide no tranche and no period that is decided."""
    if told.kind == "tranche":
        assert seen.state.tranches[told.subject].complaint == "OPEN"
        return
    held = seen.state.allegations[told.subject]
    assert held.outcome == "OPEN" or held.holding
    if "monitors" in told.waits_for:
        assert held.claim is not None, "monitors decide nothing of a tranche"
        assert seen.value(held.claim, held.period or 0) == "UNDECIDED", "monitors decide no more"
    if told.waits_for == "a decision":
        assert held.outcome == "OPEN", "it is decided"


@WAITS.form(r"the start", r"the end of the term", r"remedy and resumption", r"remedy",
            r"\w+'s notice of withdrawal", r"the limit of the hold", r"grace to be over")  # fmt: skip
def time_alone(seen: Seen, _read: Read, told: Deadline) -> None:
    """Dates."""
    if told.waits_for.startswith("remedy"):
        assert seen.state.shown == "SUSPENDED"
