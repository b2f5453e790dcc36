"""What may follow what in the journal of approvals (part 12 of the rules)."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from armslength.approvals.drafts import APPROVE, ASK, OBJECT, Act, Decision, Proof, Subject, login_nonce
from armslength.approvals.ledger import (
    CHANGED,
    LAPSED,
    MOST_ASKED,
    Adoption,
    DraftRequest,
    DraftState,
    Ending,
    Fact,
    Fulfilment,
    Ledger,
    fold,
    policy_act,
)
from armslength.approvals.policy import OWNER, ApprovalRule, Login, Official
from armslength.errors import ArmslengthError, Unverified
from tests.approvals.people import ARRANGEMENT, NAMES, NOON, add, asked, card, draft, governed, policy, proof, says

WITHDRAW = Act(name="withdraw", body={"text": "we leave"})
EFFECTIVE = Subject(name="arrangement", state="EFFECTIVE", since=NOON - 10)


def refused(ledger: Ledger, fact: Fact, code: str, at: int = NOON) -> None:
    """This may not follow, and has changed nothing."""
    before = (ledger.number, ledger.head, dict(ledger.drafts), ledger.policy)
    with pytest.raises(ArmslengthError) as error:
        add(ledger, fact, at)
    assert error.value.code == code, error.value
    assert (ledger.number, ledger.head, ledger.drafts, ledger.policy) == before


def state(ledger: Ledger, name: str) -> DraftState:
    """Where a draft stands."""
    return ledger.drafts[name].state


def test_an_act_waits_for_its_quorum_and_whoever_asks_does_not_count() -> None:
    """Two of three: the asker's own word is refused; with two others it may be done, once (rule 12.2d)."""
    ledger = governed()
    made = draft(ledger)
    add(ledger, asked(made))
    refused(ledger, says("vera", made, APPROVE), "own-draft")
    refused(ledger, says("vera", made, APPROVE, number=1), "own-draft")
    add(ledger, says("ivo", made, APPROVE))
    assert ledger.covering(ARRANGEMENT, WITHDRAW, EFFECTIVE, NOON) is None
    refused(ledger, Fulfilment(draft=made.hash), "not-approved")
    add(ledger, says("kaja", made, APPROVE))
    found = ledger.covering(ARRANGEMENT, WITHDRAW, EFFECTIVE, NOON)
    assert found is not None
    assert found.approved == ("ivo", "kaja")
    add(ledger, Fulfilment(draft=made.hash))
    assert ledger.covering(ARRANGEMENT, WITHDRAW, EFFECTIVE, NOON) is None
    refused(ledger, Fulfilment(draft=made.hash), "draft-over")


def test_two_keys_of_one_card_are_one_voice() -> None:
    """An official who signs twice, with either key, counts once (rule 12.1a)."""
    ledger = governed()
    made = draft(ledger)
    add(ledger, asked(made))
    add(ledger, says("ivo", made, APPROVE))
    refused(ledger, says("ivo", made, APPROVE), "said-before")
    refused(ledger, says("ivo", made, APPROVE, number=1), "said-before")
    assert state(ledger, made.hash) is DraftState.OPEN


def test_a_word_is_about_one_draft_and_one_thing() -> None:
    """A signature given for another draft, or for another word, is none (rules 12.2a, 12.3a)."""
    ledger = governed()
    made = draft(ledger)
    other = draft(ledger, nonce="01")
    add(ledger, asked(made))
    add(ledger, asked(other))
    replayed = says("ivo", other, APPROVE)
    refused(ledger, dataclasses.replace(replayed, draft=made.hash), "bad-signature")
    objection = says("ivo", made, OBJECT)
    refused(ledger, dataclasses.replace(objection, word=APPROVE), "bad-signature")
    ask = Decision(draft=made.hash, word=APPROVE, proof=proof("ivo", made.hash, ASK))
    refused(ledger, ask, "bad-signature")
    refused(ledger, says("mallory", made, APPROVE), "no-official")
    refused(ledger, says("ivo", "00" * 32, APPROVE), "unknown-draft")


def test_only_officials_ask() -> None:
    """Nobody else, nobody in another's name, and not the node but for what it does by itself (rule 12.2d)."""
    ledger = governed()
    refused(ledger, asked(draft(ledger, by="mallory")), "no-official")
    made = draft(ledger)
    refused(ledger, DraftRequest(draft=made), "not-an-official")
    refused(ledger, DraftRequest(draft=made, proof=proof("ivo", made.hash, ASK)), "not-the-asker")
    refused(ledger, asked(draft(ledger, by="")), "not-an-official")
    add(ledger, asked(draft(ledger, by="", name="release")))
    refused(ledger, asked(draft(ledger, by="", name="release", nonce="9", until=NOON + 9, about=())), "not-an-official")


def test_an_objection_ends_a_draft() -> None:
    """The asker's too; also once the quorum is there and nothing has been said (rule 12.2c)."""
    for objector, before in (("ivo", ()), ("vera", ()), ("kaja", ("ivo",)), ("ivo", ("ivo", "kaja"))):
        ledger = governed()
        made = draft(ledger)
        add(ledger, asked(made))
        for who in before:
            add(ledger, says(who, made, APPROVE))
        add(ledger, says(objector, made, OBJECT))
        assert (state(ledger, made.hash), ledger.drafts[made.hash].why) == (DraftState.ENDED, "objected")
        refused(ledger, says("kaja", made, APPROVE), "draft-over")
        assert ledger.covering(ARRANGEMENT, WITHDRAW, EFFECTIVE, NOON) is None
        refused(ledger, asked(made), "repeat")


def test_the_policy_may_only_note_objections() -> None:
    """Then an objection takes back its author's approval, and the others may go on."""
    ledger = governed(policy(withdraw=ApprovalRule(count=1, of=NAMES, objection_ends=False)))
    made = draft(ledger)
    add(ledger, asked(made))
    add(ledger, says("ivo", made, APPROVE))
    add(ledger, says("ivo", made, OBJECT))
    assert state(ledger, made.hash) is DraftState.OPEN
    refused(ledger, says("ivo", made, APPROVE), "said-before")
    add(ledger, says("kaja", made, APPROVE))
    assert (state(ledger, made.hash), ledger.drafts[made.hash].objected) == (DraftState.APPROVED, ("ivo",))


def test_any_change_ends_a_draft() -> None:
    """An approved draft is for one arrangement, one act and one state of its object, and for its time (rule 12.2b)."""
    ledger = governed()
    made = draft(ledger)
    for fact in (asked(made), says("ivo", made, APPROVE), says("kaja", made, APPROVE)):
        add(ledger, fact)
    assert ledger.covering(ARRANGEMENT, WITHDRAW, EFFECTIVE, made.lapses) is not None
    changed: list[tuple[str, Act, Subject, int]] = [
        ("cd" * 32, WITHDRAW, EFFECTIVE, NOON),
        (ARRANGEMENT, Act(name="withdraw", body={"text": "we stay"}), EFFECTIVE, NOON),
        (ARRANGEMENT, Act(name="resume", body=WITHDRAW.body), EFFECTIVE, NOON),
        (ARRANGEMENT, WITHDRAW, dataclasses.replace(EFFECTIVE, state="SUSPENDED"), NOON),
        (ARRANGEMENT, WITHDRAW, dataclasses.replace(EFFECTIVE, since=NOON), NOON),
        (ARRANGEMENT, WITHDRAW, EFFECTIVE, made.lapses + 1),
    ]
    for arrangement, act, subject, now in changed:
        assert ledger.covering(arrangement, act, subject, now) is None
    refused(ledger, Fulfilment(draft=made.hash), "lapsed", made.lapses + 1)
    refused(ledger, Ending(draft=made.hash, why=LAPSED), "bad-word", made.lapses)
    add(ledger, Ending(draft=made.hash, why=CHANGED))
    refused(ledger, Fulfilment(draft=made.hash), "draft-over")


def test_a_draft_of_no_arrangement_covers_none() -> None:
    """Only a standing approval may be for all of them (rule 12.2b)."""
    ledger = governed()
    made = draft(ledger, arrangement="")
    for fact in (asked(made), says("ivo", made, APPROVE), says("kaja", made, APPROVE)):
        add(ledger, fact)
    assert ledger.covering(ARRANGEMENT, WITHDRAW, EFFECTIVE, NOON) is None
    broken = draft(ledger, acts=(Act(name="withdraw", body={"text": 1.5}),))
    with pytest.raises(ArmslengthError, match="not representable"):
        add(ledger, DraftRequest(draft=broken, proof=proof("vera", "00", ASK)))


def test_a_lapsed_draft_is_not_approved() -> None:
    """Its time is over for decisions too, and a clock that goes back does not bring it back."""
    ledger = governed()
    made = draft(ledger)
    add(ledger, asked(made))
    refused(ledger, says("ivo", made, APPROVE), "lapsed", made.lapses + 1)
    add(ledger, asked(draft(ledger, nonce="later", lapses=made.lapses + 9)), made.lapses + 1)
    refused(ledger, says("ivo", made, APPROVE), "lapsed", NOON)


def test_the_policy_is_changed_under_the_policy_in_force() -> None:
    """One voice does not undo it; whoever has approved it approves this very policy; every draft ends (rule 12.1c)."""
    ledger = governed()
    waits = draft(ledger)
    add(ledger, asked(waits))
    refused(ledger, Adoption(policy=OWNER), "unknown-draft")
    lax = policy(**{"*": ApprovalRule(count=1, of=NAMES)})
    made = draft(ledger, acts=(policy_act(lax),), nonce="p")
    add(ledger, asked(made))
    add(ledger, says("ivo", made, APPROVE))
    refused(ledger, Adoption(policy=lax, draft=made.hash), "not-approved")
    add(ledger, says("kaja", made, APPROVE))
    refused(ledger, Adoption(policy=OWNER, draft=made.hash), "not-approved")
    refused(ledger, Fulfilment(draft=made.hash), "bad-word")
    add(ledger, Adoption(policy=lax, draft=made.hash))
    assert (state(ledger, made.hash), state(ledger, waits.hash)) == (DraftState.DONE, DraftState.ENDED)
    assert ledger.policy == lax
    refused(ledger, says("ivo", waits, APPROVE), "draft-over")
    refused(ledger, asked(dataclasses.replace(waits, nonce="again")), "other-policy")


def test_a_standing_approval_ends_by_date_or_by_any_official() -> None:
    """It covers what the node does by itself, where it says so, until then (rule 12.3b)."""

    def standing(ledger: Ledger, **changes: Any) -> str:
        made = draft(ledger, name="release", acts=(Act(name="release", body={"tranche": "T4"}),), about=(), **changes)
        add(ledger, asked(made))
        refused(ledger, Fulfilment(draft=made.hash, acts=(release,), arrangement=ARRANGEMENT), "not-approved")
        for who in ("ivo", "kaja"):
            add(ledger, says(who, made, APPROVE))
        return made.hash

    release = Act(name="release", body={"tranche": "T4", "wrapped": "ff"})
    delivered = Subject(name="T4", state="DELIVERED", since=NOON)
    ledger, until = governed(), NOON + 3600
    name = standing(ledger, until=until)
    found = ledger.covering(ARRANGEMENT, release, delivered, until - 1)
    assert found is not None
    assert found.hash == name
    assert ledger.covering(ARRANGEMENT, release, delivered, until) is None
    assert ledger.covering("cd" * 32, release, delivered, NOON) is None
    other = Act(name="release", body={"tranche": "T5", "wrapped": "ff"})
    assert ledger.covering(ARRANGEMENT, other, delivered, NOON) is None
    acts = tuple(Act(name="release", body={"tranche": tranche}) for tranche in ("T4", "T5"))
    both = draft(ledger, name="release", acts=acts, about=(), until=until, nonce="two")
    refused(ledger, asked(both), "bad-draft")
    for acts, where in (((release, other), ARRANGEMENT), ((release,), "cd" * 32), ((), ARRANGEMENT)):
        refused(ledger, Fulfilment(draft=name, acts=acts, arrangement=where), "bad-word")  # it is not for that
    used = Fulfilment(draft=name, acts=(release,), arrangement=ARRANGEMENT)
    add(ledger, used)
    add(ledger, used)
    assert ledger.drafts[name].used == (used, used)
    add(ledger, says("vera", name, OBJECT))
    assert ledger.covering(ARRANGEMENT, release, delivered, NOON) is None
    wide = standing(ledger, until=until, arrangement="", nonce="wide")
    assert ledger.covering("cd" * 32, release, delivered, NOON) is not None
    add(ledger, Ending(draft=wide, why=LAPSED), until)
    refused(ledger, asked(draft(ledger, name="withdraw", until=until + 99, about=(), nonce="w")), "bad-time", until)


def test_one_official_asks_for_so_much_at_a_time() -> None:
    """Others still ask, and so does whoever has objected to one of its own."""
    ledger = governed()
    for number in range(MOST_ASKED):
        add(ledger, asked(last := draft(ledger, nonce=f"{number}")))
    refused(ledger, asked(draft(ledger, nonce="more")), "too-many")
    add(ledger, asked(draft(ledger, by="ivo", nonce="more")))
    add(ledger, says("vera", last, OBJECT))
    add(ledger, asked(draft(ledger, nonce="more")))


def test_a_login_is_bound_to_the_word() -> None:
    """Its token names issuer, subject and a nonce made of draft and word; any other nonce is another's login."""
    login = Login(issuer="https://login.borovia.example", subject="4711")
    base = policy()
    officials = base.officials | {"ivo": Official(name="Ivo", logins=(login,))}
    ledger = governed(dataclasses.replace(base, officials=officials))
    made = draft(ledger)
    add(ledger, asked(made))

    def word(nonce: str, whose: Login = login) -> Decision:
        return Decision(draft=made.hash, word=APPROVE, proof=Proof(login=whose, nonce=nonce, token="t", jwk="{}"))

    other = dataclasses.replace(login, subject="4712")
    refused(ledger, word(login_nonce(made.hash, OBJECT)), "bad-login")
    refused(ledger, word(made.hash), "bad-login")
    refused(ledger, word(login_nonce(made.hash, APPROVE), other), "no-official")
    refused(ledger, dataclasses.replace(word(""), proof=Proof()), "no-proof")
    add(ledger, word(login_nonce(made.hash, APPROVE)))
    assert ledger.drafts[made.hash].approved == ("ivo",)


def test_an_edited_journal_does_not_fold() -> None:
    """Any change of a line, its loss, another order: the first line that does not hold is named (rule 12.4a)."""
    ledger, lines = Ledger(), []
    lines.append(add(ledger, Adoption(policy=policy())))
    made = draft(ledger)
    done = Fulfilment(draft=made.hash)
    lines += [
        add(ledger, fact) for fact in (asked(made), says("ivo", made, APPROVE), says("kaja", made, APPROVE), done)
    ]
    assert fold(lines).head == ledger.head
    for index in range(1, len(lines)):
        with pytest.raises(Unverified) as error:
            fold([*lines[:index], dataclasses.replace(lines[index], at=NOON + 1), *lines[index + 1 :], lines[0]])
        assert error.value.code == "broken-chain"
        with pytest.raises(Unverified):
            fold([*lines[: index - 1], *lines[index:]])
    rechained = Ledger()  # somebody who hashes anew cannot sign for the officials
    for line in lines[:3]:
        rechained.place(line)
    refused(rechained, Fulfilment(draft=made.hash), "not-approved")
    forged = rechained.line(Fulfilment(draft=made.hash), NOON)
    with pytest.raises(Unverified, match="not enough officials"):
        fold([*lines[:3], forged])


def test_two_facts_in_a_line_are_none() -> None:
    """A line states one thing."""
    ledger = governed()
    made = draft(ledger)
    line = dataclasses.replace(ledger.line(asked(made), NOON), ended=Ending(draft="", why=CHANGED))
    with pytest.raises(Unverified, match="does not follow"):
        ledger.place(line)
    assert card("vera").keys
