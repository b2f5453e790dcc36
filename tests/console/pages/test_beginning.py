"""Terms begun from a template at the console: every answer is kept, and what is wrong is told at its question."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest

from armslength.identity.keys import KeyRing
from armslength.templates import template, template_ids
from armslength.wire.card import Card, read_card
from armslength.wire.terms import compile_terms
from tests.console.stage import Browser, FoldOwner
from tests.golden.terms import at

NEW = "/new/coordinated-disclosure"


def card(folder: Path, name: str) -> Card:
    """The identity card of a node with keys of its own."""
    keys = KeyRing.create(folder / name, ("entries", "checkpoints", "tokens")).public()
    return read_card(
        {"name": name, "did": f"did:web:{name}.example", "address": f"https://{name}.example", "keys": keys}
    )


async def begun() -> tuple[Browser, str]:
    """A browser that is logged in, and its form token."""
    found = Browser(FoldOwner(at(9, 3)))
    found.log_in()
    return found, await found.token()


def source_of(page: str) -> str:
    """What stands in the editor."""
    found = re.search(r'<textarea id="source".*?>\n(.*?)</textarea>', page, re.DOTALL)
    assert found
    return unescape(found[1])


@pytest.mark.parametrize("name", template_ids())
async def test_every_template_becomes_terms_that_can_be_proposed(name: str, tmp_path: Path) -> None:
    """With a card for each who takes part and the defaults else; the comments of the template stay."""
    found, token = await begun()
    page = (await found.get(f"/new/{name}")).body.decode()
    form = {"form": token}
    for question in template(name).questions:
        if question.kind == "card":
            form[f"answer-{question.id}"] = card(tmp_path, question.id.replace("_", "")).file().decode()
        elif question.kind == "choice":
            form[f"answer-{question.id}"] = question.default
        else:
            shown = re.search(rf'name="answer-{question.id}" value="([^"]*)"', page)
            assert shown
            form[f"answer-{question.id}"] = unescape(shown[1])
    page = (await found.post(f"/new/{name}", urlencode(form))).body.decode()
    assert "can be proposed" in page
    source = source_of(page)
    assert source.startswith("#")
    assert "card: cards/" not in source
    assert set(compile_terms(source.encode(), None).terms.parties) <= {q.id for q in template(name).questions}


async def test_what_is_wrong_is_told_at_its_question_and_nothing_is_lost() -> None:
    """A card that is none, and a span that is too short; what else was answered stays."""
    found, token = await begun()
    form = {
        "form": token, "answer-finder": "did: nobody", "answer-vendor": "key: [", "answer-record": "coordinator",
        "answer-coordinator": "Cera", "answer-product": 'Frob <b>"3"</b>', "answer-start": "2026-12-01",
        "answer-answer": "3w", "answer-embargo": "90d", "answer-progress": "14d", "answer-credit": "14d",
    }  # fmt: skip
    reply = await found.post(NEW, urlencode(form))
    page = reply.body.decode()
    assert reply.status == 422
    for name in ("finder", "vendor", "answer"):
        assert f'id="wrong-{name}"' in page
    assert 'id="wrong-embargo"' not in page
    assert "must be at most 14d" in page
    assert "key: [" in page
    assert "Frob &lt;b&gt;" in page
    assert "<b>" not in page


async def test_a_name_alone_leaves_its_place_open() -> None:
    """The editor says which card is missing."""
    found, token = await begun()
    form = {
        "form": token, "answer-record": "coordinator", "answer-product": "Frob", "answer-start": "2026-12-01",
        "answer-answer": "5d", "answer-embargo": "90d", "answer-progress": "14d", "answer-credit": "14d",
    }  # fmt: skip
    page = (await found.post(NEW, urlencode(form))).body.decode()
    assert "cards/vendor.yaml" in source_of(page)
    assert "parties.vendor.card" in page
    assert "can be proposed" not in page


async def test_what_is_typed_is_checked_beside() -> None:
    """A fragment for the editor: no page around it; what is wrong, with its line."""
    found, token = await begun()
    reply = await found.post("/write/check", urlencode({"form": token, "source": "title: Half\n"}), hx_request="true")
    assert reply.status == 200
    assert b"<html" not in reply.body
    assert b"terms:1: parties" in reply.body


async def test_who_only_looks_begins_nothing() -> None:
    """A reader may look at the questions."""
    found = Browser(FoldOwner(at(9, 3)))
    found.log_in(("reader",))
    assert (await found.get(NEW)).status == 200
    assert (await found.post(NEW, urlencode({"form": await found.token()}))).status == 403
