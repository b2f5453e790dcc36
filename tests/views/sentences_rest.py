"""What `why` says of tranches and of the arrangement itself."""

from __future__ import annotations

import re

from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import Resume
from armslength.views.asked import Why
from tests.views.phrases import NEEDS, told
from tests.views.reading import Read, Seen, bare, instant, names, people, same
from tests.views.sentences import ENDS, SAYS, away, meant

# --- tranches ---------------------------------------------------------------------------------------------------------


@SAYS.form(r"<tranche:tranche> can never (?P<what>open|be released) any more: <need:text>\.")
def never_opens(seen: Seen, read: Read, answer: Why) -> None:
    """What can no longer come."""
    name = bare(read["tranche"])
    assert name == answer.subject.removesuffix(".release")
    assert seen.state.tranches[name].stage in {"LOCKED", "READY", "DELIVERED"}
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
           r"<tranche:tranche> is (?P<stage>ready|delivered)(?: under seal)? since <since:M>: <need:text>\.",
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


@SAYS.form(r"<tranche:tranche> was received on <at:M>\.")
def settled(seen: Seen, read: Read, answer: Why) -> None:
    """The end of a tranche."""
    name = bare(read["tranche"])
    assert seen.state.tranches[name].stage == "SETTLED"
    assert instant(read["at"]) == seen.since("tranche", name)


@SAYS.form(r"<tranche:tranche> will not be released: it was forfeited on <at:M>, <how:text>\.")
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
    for name, at in re.findall(
        r"allegation (\S+) put the arrangement on hold, until (.*? UTC \(.*?\))", read["reasons"]
    ):
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
    assert held.stage == "DISPUTED"
    assert seen.terms.tranches[name].recipient == read["who"]
    assert held.complaint == ("OPEN" if "need" in read else "UPHELD")
    if "need" in read:
        told(seen, read["need"])
    assert instant(read["at"]) == held.disputed_at


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
        assert read["state"] == "HELD" or instant(read["since"]) == entered[-1]
    else:
        assert instant(read["since"]) in {max(entered), seen.since("arrangement", "arrangement")}


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
        act = step.EntryInput(author=party, stamp=seen.now, type="resume", body=Resume(), entry=party)
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
    assert rules.met(seen.terms.actors, voters)


@SAYS.form(r"(?:<some:who> agreed to resume; )?<who:who> (?:has|have) yet to agree to resume\.")
def to_resume(seen: Seen, read: Read, _answer: Why) -> None:
    """Parties whose agreement is missing."""
    suspension = seen.state.arrangement.suspension
    assert suspension
    same(people(read["some"]) if "some" in read else (), suspension.resumed)
    same(people(read["who"]), set(seen.terms.parties) - set(suspension.resumed))


@SAYS.form(r"Without them the determiners may agree instead: it takes <k:N> of <of:who>"
           r"(?:, (?P<must>[^;]*?) among them)?"
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


@SAYS.form(r"<who:id> gave notice of withdrawal on <at:M>, to end on <ends:M>\.")
def gave_notice(seen: Seen, read: Read, _answer: Why) -> None:
    """A notice of withdrawal."""
    notice_ = seen.state.arrangement.withdrawals[read["who"]]
    assert (notice_.at, notice_.ends) == (instant(read["at"]), instant(read["ends"]))


@SAYS.form(r"It (?P<verb>is|was) wound up <how:text>; (?:still to settle: <owed:list>|no tranche is owed any more)\.")
def wound_up(seen: Seen, read: Read, _answer: Why) -> None:
    """Winding up."""
    held = seen.state.arrangement
    assert (held.phase == "WINDING") is (read["verb"] == "is")
    assert read["how"] == ENDS[held.winding_by]
    owed = {
        n
        for n, t in seen.state.tranches.items()
        if t.stage in {"READY", "DELIVERED", "RELEASED"} or t.complaint == "OPEN"
    }
    given_up = {n for n in owed if seen.state.tranches[n].stage == "RELEASED" and seen.state.tranches[n].key_at is None}
    owed -= {n for n in given_up if seen.state.duties[f"{n}.release"].state in {"BREACHED", "DISCHARGED"}}
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
