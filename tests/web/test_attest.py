"""The monitors' page is the same for everybody; what it asks is answered to those alone whom the terms name."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from armslength.core.arrangement.bodies import Attest
from armslength.web.attest import hashes_of, page_files, page_headers
from armslength.wire.own import decode_answers, encode_leaves
from tests.sim.evil import code, entry, post, signed
from tests.sim.harness import World
from tests.sim.test_cheating import run


def test_the_page_names_every_file_that_it_loads_and_no_other_host() -> None:
    """Nothing is fetched from elsewhere, and the worker keeps all that there is."""
    files = page_files()
    text = {name: data.decode() for name, data in files.items()}
    for name, each in text.items():
        assert "http:" not in each.replace("http://www.w3.org/2000/svg", "")
        assert "https:" not in each, name
        assert "eval(" not in each
        assert "innerHTML" not in each
    for name in files.keys() - {"index.html", "worker.js"}:
        assert f'"{name}"' in text["worker.js"]


def test_the_hash_changes_with_every_file() -> None:
    """One byte in any of them is another page."""
    before = hashes_of(page_files())
    for name, data in page_files().items():
        after = hashes_of({**page_files(), name: data + b" "})
        assert after.page != before.page
        assert after.files[name] == hashlib.sha256(data + b" ").hexdigest()


def test_only_those_whom_the_terms_name_are_answered(tmp_path: Path) -> None:
    """A page for anybody, with its policy; questions and submissions with a token of theirs alone; a statement that is
    brought to another node than the keeper's is placed."""

    async def story(world: World) -> None:
        page = await post(world, "A", "/attest/", b"", method="GET")
        assert page.status == 200
        assert "default-src 'none'" in str(page.headers["content-security-policy"])
        asked, brought = f"/attest/questions/{world.arrangement}", f"/attest/submit/{world.arrangement}"
        assert (await post(world, "A", asked, b"", method="GET")).status == 401
        leaf = signed(await entry(world, "m1", Attest(claim="k2", period=0, value=False)))
        assert (await post(world, "A", brought, encode_leaves([leaf]))).status == 401
        told = json.loads((await post(world, "A", asked, b"", "m1", method="GET")).body)
        assert told["actor"] == "m1"
        assert "k2" in told["claims"]
        taken = await post(world, "A", brought, encode_leaves([leaf]), "m1")
        assert [each.refusal for each in decode_answers(taken.body)] == [None]
        assert code(await post(world, "A", f"/attest/submit/{'0' * 64}", b"", "m1")) == "unknown-arrangement"
        await world.rest()
        after = json.loads((await post(world, "A", asked, b"", "m1", method="GET")).body)
        assert after["claims"]["k2"]["mine"]["0"]["value"] is False

    run(tmp_path, story)


def test_a_page_elsewhere_may_ask_for_its_own_words_alone(tmp_path: Path) -> None:
    """Two reads, for whoever has a token; nothing else is shared with pages of other origins."""

    async def story(world: World) -> None:
        base, allowed = "/armslength/1", "access-control-allow-origin"
        for name in ("head", "own"):
            path = f"{base}/{name}/{world.arrangement}"
            first = await post(world, "A", path, b"", method="OPTIONS")
            assert (first.status, first.headers["access-control-allow-headers"]) == (204, "Authorization")
            assert (await post(world, "A", path, b"", "m1", method="GET")).headers[allowed] == "*"
            refused = await post(world, "A", path, b"", method="GET")
            assert (refused.status, allowed in refused.headers) == (401, False)
            unknown = await post(world, "A", f"{base}/{name}/{'0' * 64}", b"", "m1", method="GET")
            assert (unknown.status, unknown.headers[allowed]) == (404, "*")
        for path in (f"{base}/leaves/{world.arrangement}", f"/attest/questions/{world.arrangement}"):
            answer = await post(world, "A", path, b"", "m1", method="GET")
            assert (answer.status, allowed in answer.headers) == (200, False)
            assert (await post(world, "A", path, b"", method="OPTIONS")).status == 405

    run(tmp_path, story)


def test_the_page_may_ask_nodes_and_nobody_else() -> None:
    """Over TLS alone, unless the node is one of development; none of them is named to strangers."""
    assert "connect-src 'self' https:;" in page_headers("https://a.example")["content-security-policy"]
    assert "https: http://localhost:*;" in page_headers("http://localhost:1")["content-security-policy"]
