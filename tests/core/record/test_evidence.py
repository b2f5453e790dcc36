"""Whom evidence speaks against, and what is a refusal."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from armslength.core.arrangement.bodies import Attest, Evidence
from armslength.core.canonical import canonical, plain
from armslength.core.record.entry import ENTRY_PREFIX, entry_hash
from armslength.core.record.evidence import culprit, equivocation, refuses
from armslength.core.record.keys import to_base64
from armslength.errors import Refused
from tests.core.record.test_replica import started
from tests.golden.terms import at

ATTEST = Attest(claim="k1a", period=0, value=False)


def test_a_fork_speaks_against_the_keeper_and_equivocation_against_its_author() -> None:
    """By the signatures alone (rule 1.4d)."""
    builder = started()
    roster = builder.replica.roster
    assert culprit(roster, builder.fork(at(0, 1))) == "m5"
    pair = builder.entry("m1", ATTEST), builder.entry("m1", dataclasses.replace(ATTEST, value=True))
    assert culprit(roster, builder.equivocation(*pair)) == "m1"


def test_evidence_holds_both_statements_as_they_were_signed() -> None:
    """In canonical JSON, the first first; it convicts their author."""
    builder = started()
    first, second = (
        builder.submit(builder.entry("m1", dataclasses.replace(ATTEST, value=value))) for value in (True, False)
    )
    made = equivocation(first, second)
    assert (made.kind, made.first, made.second) == (
        "equivocation",
        canonical(first).decode(),
        canonical(second).decode(),
    )
    assert culprit(builder.replica.roster, made) == "m1"


@pytest.mark.parametrize("wrong", ["nothing", "text", "another's", "another arrangement's", "no signature", "no entry"])
def test_what_an_entry_carries_in_place_of_a_refusal_excuses_nothing(wrong: str) -> None:
    """Its body and what it carries are not judged by their form: whatever is no refusal of the other counts for
    nothing, and one that is counts beside it (rule 1.4b)."""
    builder = started()
    first = builder.entry("m1", ATTEST)
    good = plain(builder.refusal(first))
    found: Any = {
        "nothing": None,
        "text": "refused",
        "another's": [good | {"by": "A"}],
        "another arrangement's": [good | {"arrangement": "0" * 64}],
        "no signature": ["x", good | {"sig": 1}, {name: value for name, value in good.items() if name != "sig"}],
        "no entry": [good | {"entry": 1}, good | {"reason": "another"}],
    }[wrong]
    roster, sign = builder.replica.roster, builder.signer("m1")

    def said(carried: Any) -> str:
        entry = plain(builder.entry("m1", dataclasses.replace(ATTEST, value=True))) | {"refused": carried}
        return canonical({"entry": entry, "sig": to_base64(sign(ENTRY_PREFIX + canonical(entry)))}).decode()

    other = canonical(builder.submit(first)).decode()
    for texts in ((other, said(found)), (said(found), other)):
        assert culprit(roster, Evidence(kind="equivocation", first=texts[0], second=texts[1])) == "m1"
    carried = [*(found if isinstance(found, list) else ()), good]
    for texts in ((other, said(carried)), (said(carried), other)):
        with pytest.raises(Refused) as caught:
            culprit(roster, Evidence(kind="equivocation", first=texts[0], second=texts[1]))
        assert (caught.value.code, caught.value.place) == ("no-evidence", "body")


def test_a_refusal_is_the_keeper_s_of_this_entry() -> None:
    """Signed by it, for this arrangement; of another entry it says nothing (rule 1.3b)."""
    builder = started()
    first, other = builder.entry("m1", ATTEST), builder.entry("m2", ATTEST)
    refusal, roster = builder.refusal(first), builder.replica.roster
    assert refuses(roster, refusal, entry_hash(first)) is True
    assert not refuses(roster, refusal, entry_hash(other))
    assert not refuses(roster, dataclasses.replace(refusal, reason="another"), entry_hash(first))
    assert not refuses(roster, dataclasses.replace(refusal, by="A"), entry_hash(first))
