"""The page about a counterparty; what it tells of a real record is looked at in a real browser."""

from __future__ import annotations

from urllib.parse import quote

from armslength.console.pages.counterparty import TONES
from armslength.views.dealings import OUTCOMES
from armslength.wire.manage import NAMING, RECORD, NamingList, SealedRecord
from armslength.wire.terms_json import encode_terms
from tests.console.stage import Browser, FoldOwner
from tests.golden.terms import at
from tests.sim.harness import world_terms


def test_every_outcome_has_a_tone() -> None:
    """No line is without one."""
    assert set(TONES) == set(OUTCOMES)


async def test_whoever_is_named_nowhere_has_a_page_that_says_so() -> None:
    """What stands in the address stays text, and its length is bounded."""
    owner = FoldOwner(at(9, 3))
    owner.answers[NAMING.name] = NamingList(arrangements=())
    found = Browser(owner)
    found.log_in()
    page = (await found.get(f"/counterparty/{quote('did:web:<b>x%3A1', safe='')}")).body.decode()
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert "nothing is sealed yet" in page
    assert (await found.get(f"/counterparty/{'x' * 501}")).status == 400
    others = sum(actor.did is not None for actor in world_terms().actors.values()) - 1
    assert (await found.get(f"/a/{owner.arrangement}")).body.count(b'href="/counterparty/') == others


async def test_many_arrangements_are_named_and_no_record_is_read_until_one_is_asked_for() -> None:
    """A page about somebody in hundreds of them costs no fold; each part is there by its link, without scripts too."""
    owner = FoldOwner(at(9, 3))
    owner.answers[NAMING.name] = NamingList(arrangements=(owner.arrangement, "f" * 64), next="x/y")
    document, did = encode_terms(world_terms()).decode(), world_terms().actors["B"].did
    assert did is not None
    found = Browser(owner)
    found.log_in()
    path = f"/counterparty/{quote(did, safe='')}"
    page = (await found.get(path)).body.decode()
    assert page.count("hx-get=") == 2
    assert f'href="{path}?in={owner.arrangement}"' in page
    assert f'href="{path}?from=x/y"' in page
    assert RECORD.name not in [name for name, _ in owner.asked]
    owner.answers[RECORD.name] = SealedRecord(document=document, texts={}, leaves=())
    part = (await found.get(f"{path}?in={owner.arrangement}")).body.decode()
    assert "nothing is sealed yet" in part
    assert f'href="{path}"' in part
    assert (await found.get(f"{path}?in={'f' * 64}")).status == 404
