"""The journal in a monitor's browser against nodes that lie, and against the same key in another browser: whatever
happens, no two entries of one number leave it, but where the keeper has signed that it refuses the first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from nacl import bindings
from playwright.sync_api import Browser, Page, Route

from armslength.core.canonical import canonical, digest
from armslength.core.record.entry import Head, Refusal, refusal_message, refuse
from armslength.core.record.keys import to_base64
from armslength.identity.keys import PrivateKey
from armslength.web.attest import TYPES, page_files

pytestmark = pytest.mark.slow("a browser is started")

ADDRESS = "https://node.example"
ARRANGEMENT = "ab" * 32
HEAD = Head(size=3, tree_root="00" * 32, state_root="11" * 32)
KEEPER = PrivateKey(bytes(range(32)))
STRANGER = PrivateKey(bytes(32))
SETUP = """async ([arrangement, head, key]) => {
  const [keys, journal, store] = await Promise.all(["keys", "journal", "store"].map((name) => import(`./${name}.js`)));
  const { me } = await keys.made("Ada");
  const terms = { keeper: "K", actors: { K: { keys: { entries: key } } } };
  const known = { arrangement, terms, actor: "m", head, link: { number: 0, prev: "" } };
  const body = (period) => ({ claim: "c", period, value: true });
  const say = (...periods) => journal.alone(() => journal.write(me, known, periods.map(body)));
  const sent = [];
  const send = async (answer) => {
    await journal.renew(me, known);
    await journal.send(me, known, async (lines) => {
      const entries = lines.trim().split("\\n").map((line) => JSON.parse(line));
      sent.push(...entries);
      return answer(entries);
    });
  };
  Object.assign(window, { journal, store, keys, me, known, say, sent, send });
}"""

SPOKEN = """async (number, period) => {
  const { canonical, bytes, base64, digest } = await import('./forms.js');
  const entry = { v: 1, arrangement: known.arrangement, author: 'm', author_seq: number, author_prev: '',
    seen: known.head, type: 'attest', body: { claim: 'c', period, value: false } };
  const sig = base64(await keys.sign(me.entries, bytes('armslength/entry/1\\n' + canonical(entry))));
  return [await digest(canonical(entry)), canonical({ entry, sig, stamps: [] })];
}"""


@pytest.fixture
def page(chrome: Browser) -> Iterator[Page]:
    """The page's own code with a key, in an arrangement that is known."""
    context = chrome.new_context()
    found = context.new_page()

    def serve(route: Route) -> None:
        name = route.request.url.removeprefix(f"{ADDRESS}/attest/")
        if name == "blank":
            route.fulfill(body="<!doctype html>", content_type="text/html")
        else:
            route.fulfill(body=page_files()[name], content_type=TYPES[name.rpartition(".")[2]])

    context.route("**/*", serve)
    found.goto(f"{ADDRESS}/attest/blank")
    found.evaluate(SETUP, [ARRANGEMENT, json.loads(canonical(HEAD)), KEEPER.text])
    yield found
    context.close()


def refusal(name: str, code: str = "gap", key: PrivateKey = KEEPER) -> dict[str, Any]:
    """A refusal of an entry, under the keeper's name."""
    made = Refusal(arrangement=ARRANGEMENT, entry=name, head=HEAD, code=code, reason="no", by="K", sig="")
    found: dict[str, Any] = json.loads(canonical(refuse(made, key.sign)))
    return found


def small(name: str) -> dict[str, Any]:
    """The keeper's own refusal, in a signature that some verifiers take, and ours and every node's do not: half of it
    is a point of small order."""
    made = Refusal(arrangement=ARRANGEMENT, entry=name, head=HEAD, code="gap", reason="no", by="K", sig="")
    point, message = bytes([1, *bytes(31)]), refusal_message(made)
    scalar = bytearray(hashlib.sha512(bytes(range(32))).digest()[:32])
    scalar[0] &= 248
    scalar[31] = scalar[31] & 127 | 64
    secret = bindings.crypto_core_ed25519_scalar_reduce(bytes(scalar) + bytes(32))
    challenge = hashlib.sha512(point + KEEPER.public + message).digest()
    half = bindings.crypto_core_ed25519_scalar_mul(bindings.crypto_core_ed25519_scalar_reduce(challenge), secret)
    return json.loads(canonical(made)) | {"sig": to_base64(point + half)}


def numbers(page: Page) -> list[tuple[int, list[str]]]:
    """What has left: numbers, and the refusals that each entry carries."""
    found = page.evaluate(
        "sent.map(({ entry }) => [entry.author_seq, (entry.refused ?? []).map((each) => each.entry)])"
    )
    return [(number, carried) for number, carried in found]


def spoken(page: Page) -> str:
    """One statement, signed and sent, whose answer is lost; its hash."""
    (name,) = page.evaluate("say(0).then((made) => made.map((item) => item.name))")
    page.evaluate("send(() => { throw new Error('lost'); }).catch(() => null)")
    return str(name)


@pytest.mark.parametrize("forged", ["stranger", "small", "spelling", "another"])
def test_a_refusal_that_the_keeper_has_not_signed_frees_no_number(page: Page, forged: str) -> None:
    """Nor one whose signature is spelt in another way, nor one of another entry: every node would call what is said in
    its place the second entry of that number."""
    name = spoken(page)
    given = {
        "stranger": refusal(name, key=STRANGER),
        "small": small(name),
        "spelling": refusal(name) | {"sig": refusal(name)["sig"].replace("==", "= =")},
        "another": refusal("ff" * 32),
    }[forged]
    page.evaluate(f"send(() => [{{ entry: '{name}', refusal: {json.dumps(given)}, code: 'gap' }}])")
    page.evaluate("say(1)")
    page.evaluate("send(() => [])")
    assert {number for number, _ in numbers(page)} == {0, 1}
    assert len({json.dumps(each) for each in numbers(page)}) == 2


def test_a_refusal_of_the_keepers_frees_its_number_and_is_carried_on(page: Page) -> None:
    """Without what a server has added to it."""
    name = spoken(page)
    given = json.dumps(refusal(name, "closed") | {"more": 1})
    page.evaluate(f"send(() => [{{ entry: '{name}', refusal: {given}, code: 'closed' }}])")
    page.evaluate("say(1)")
    page.evaluate("send(() => [])")
    assert numbers(page)[-1] == (0, [name])
    assert page.evaluate("'more' in sent.at(-1).entry.refused[0]") is False


def test_answers_in_another_order_are_those_of_their_entries(page: Page) -> None:
    """By hash, not by place."""
    first, second = page.evaluate("say(0, 1).then((made) => made.map((item) => item.name))")
    given = json.dumps(refusal(second, "closed"))
    page.evaluate(f"send(() => [{{ entry: '{second}', refusal: {given} }}, {{ entry: '{first}' }}])")
    page.evaluate("say(2)")
    page.evaluate("send(() => [])")
    assert numbers(page)[-1] == (1, [second])


def test_what_never_left_gives_way_to_what_was_said_elsewhere(page: Page) -> None:
    """The same key in another browser has used the number: what was signed here meanwhile is signed anew after it; so
    it is where the other's entry was refused, and the refusal is carried."""
    page.evaluate("say(0, 1)")
    other, line = page.evaluate(f"({SPOKEN})(0, 7)")
    page.evaluate(f"journal.recalled(me, known, {{ waiting: [{json.dumps(line)}] }})")
    page.evaluate("send(() => [])")
    assert numbers(page) == [(0, []), (1, []), (2, [])]
    assert page.evaluate("sent[1].entry.author_prev") == other
    assert page.evaluate("sent[0].entry.body.period") == 7
    page.evaluate("say(5)")
    known = {"author": "m", "number": 3, "prev": "", "refusal": refusal("cd" * 32, "closed")}
    page.evaluate(
        f"journal.recalled(me, known, {{ refusals: [{json.dumps(known)}] }}).then((f) => {{ known.refusals = f; }})"
    )
    page.evaluate("send(() => [])")
    assert numbers(page)[-1] == (3, ["cd" * 32])


def test_entries_that_we_have_not_signed_are_not_ours(page: Page) -> None:
    """A node shows what it likes."""
    entry = {"arrangement": ARRANGEMENT, "author": "m", "author_seq": 9, "author_prev": "", "body": {}, "v": 1}
    line = canonical({"entry": entry, "sig": to_base64(STRANGER.sign(b"x")), "stamps": []}).decode()
    page.evaluate(f"journal.recalled(me, known, {{ waiting: [{json.dumps(line)}] }})")
    page.evaluate("say(0)")
    page.evaluate("send(() => [])")
    assert [number for number, _ in numbers(page)] == [0]
    assert digest(canonical(entry)) not in page.evaluate(
        "journal.entries(known.arrangement).then((i) => i.map((e) => e.name))"
    )


def test_a_quorum_needs_its_groups(page: Page) -> None:
    """A head that lacks a group's cosignature is under no seal, as for every node."""
    judged = page.evaluate(
        """async ([note, log, blobs, keys]) => {
      const { isSealed } = await import('./forms.js');
      const actor = (key, at) => [`t${at}`, { keys: { checkpoints: key }, group: at ? 'b' : 'a' }];
      const actors = Object.fromEntries(keys.map(actor));
      const checkpoint = `${note}\\n\\u2014 o ${log}\\n` + blobs.map((blob) => `\\u2014 o ${blob}\\n`).join('');
      const root = '00'.repeat(32);
      const timekeepers = { of: ['t0', 't1', 't2'], count: 1, including: [] };
      const head = { size: 3, tree_root: root };
      const under = (groups) => isSealed({ keeper: 't0', actors, timekeepers: { ...timekeepers, groups } },
        'ab'.repeat(32), { checkpoint, head });
      return [await under({}), await under({ b: 1 }), await under({ a: 1 }), await under({ b: 2 })];
    }""",
        _sealed(),
    )
    assert judged == [True, True, False, False]


def _sealed() -> list[Any]:
    """A note, its keeper's signature, and the cosignature of t1."""
    made = [KEEPER, PrivateKey(bytes([1] * 32)), PrivateKey(bytes([2] * 32))]
    note = f"armslength/1/{ARRANGEMENT}\n3\n{to_base64(bytes(32))}\n"
    log = to_base64(bytes(4) + made[0].sign(note.encode()))
    time = 1000
    cosigned = made[1].sign(f"cosignature/v1\ntime {time}\n{note}".encode())
    return [note, log, [to_base64(bytes(4) + time.to_bytes(8, "big") + cosigned)], [each.text for each in made]]


def test_no_token_is_made_for_another_node(page: Page) -> None:
    """The node that serves the page says who it is; only what the page's own address says is believed."""
    opened = """async (told) => {
      const { Connection } = await import('./node.js');
      window.fetch = async () => new Response(JSON.stringify(told));
      return Connection.open(me).then(() => "opened", (error) => error.status);
    }"""
    assert page.evaluate(opened, {"did": "did:web:node.example", "address": ADDRESS}) == "opened"
    assert page.evaluate(opened, {"did": "did:web:other.example", "address": "https://other.example"}) == 421
    assert page.evaluate(opened, {"did": "did:web:other.example", "address": ADDRESS}) == 421


NODES = {name: f"https://{name}.example" for name in ("k", "s", "t")}
ELSEWHERE = """async (nodes) => {
  const elsewhere = await import('./elsewhere.js');
  const actors = Object.fromEntries(Object.entries(nodes).map(([name, address]) =>
    [name, { did: `did:web:${name}.example`, address, keys: known.terms.actors.K.keys }]));
  actors.K = actors.k;
  Object.assign(known, { actor: 'm', terms: { keeper: 'K', actors, timekeepers: { of: ['K', 's', 't'], count: 2 } } });
  me.imported = true;
  await store.put('arrangements', known.arrangement, known);
  const ask = async () => {
    await elsewhere.ask(me, known);
    Object.assign(known, await store.get('arrangements', known.arrangement));
  };
  Object.assign(window, { elsewhere, ask });
}"""


@pytest.fixture
def asked(page: Page) -> dict[str, Any]:
    """A key that was brought here, and what each node answers: `own`, or none."""
    answers: dict[str, Any] = dict.fromkeys(NODES)
    page.evaluate(ELSEWHERE, NODES)

    def serve(route: Route) -> None:
        _, _, host, *path = route.request.url.split("/")
        own, may = answers[host.removesuffix(".example")], {"Access-Control-Allow-Origin": "*"}
        if own is None:
            route.abort()
        elif "/head/" in "/".join(["", *path]):
            route.fulfill(json={"head": {"size": 0}, "checkpoint": ""}, headers=may)
        else:
            route.fulfill(json=own, headers=may)

    page.context.route(lambda url: any(url.startswith(f"{each}/") for each in NODES.values()), serve)
    return answers


def test_a_key_that_was_brought_here_waits_for_every_timekeeper(page: Page, asked: dict[str, Any]) -> None:
    """What is said is kept; it is sent once all have answered, after what any of them shows, with the refusals that the
    keeper has given to an entry that was lost (rule 11.4e)."""
    _, line = page.evaluate(f"({SPOKEN})(0, 7)")
    page.evaluate("say(1)")
    asked.update(k={}, s={"waiting": [line]})
    page.evaluate("ask()")
    page.evaluate("send(() => [])")
    assert numbers(page) == []
    assert page.evaluate("known.asked.silent") == ["t"]
    lost = {"author": "m", "number": 2, "prev": "", "refusal": refusal("cd" * 32, "closed")}
    asked.update(t={"refusals": [lost]})
    page.evaluate("ask()")
    page.evaluate("say(2)")
    page.evaluate("send(() => [])")
    assert numbers(page) == [(0, []), (1, []), (2, ["cd" * 32])]
    assert page.evaluate("sent.map(({ entry }) => entry.body.period)") == [7, 1, 2]


@pytest.mark.parametrize(
    ("silent", "hours", "may"),
    [("t", 25, True), ("t", 23, False), ("k", 25, False), ("st", 25, False)],
)
def test_who_goes_on_without_a_silent_node(
    page: Page, asked: dict[str, Any], silent: str, hours: int, may: bool
) -> None:
    """After a day, with the keeper and so many others that every quorum has one of them; never by itself."""
    asked.update({name: {} for name in NODES if name not in silent})
    page.evaluate("say(0)")
    page.evaluate("ask()")
    page.evaluate(f"store.put('arrangements', known.arrangement, (known.asked.since -= {hours} * 3600, known))")
    page.evaluate("ask()")
    page.evaluate("send(() => [])")
    assert numbers(page) == []
    page.evaluate("elsewhere.goOn(known)")
    assert page.evaluate("store.get('arrangements', known.arrangement).then((k) => k.settled === true)") is may


def test_what_no_seal_covers_is_not_what_a_statement_has_seen(page: Page) -> None:
    """A head that a node invents is in no statement."""
    page.evaluate("journal.take(me, known, { sealed: { head: { ...known.head, size: 9 }, checkpoint: 'a' } })")
    assert page.evaluate("known.head.size") == 3
