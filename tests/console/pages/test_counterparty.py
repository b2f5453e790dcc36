"""The page about a counterparty; what it tells of a real record is looked at in a real browser."""

from __future__ import annotations

from urllib.parse import quote

from armslength.console.pages.counterparty import TONES
from armslength.views.dealings import OUTCOMES
from armslength.wire.manage import NAMING, NamingList
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
