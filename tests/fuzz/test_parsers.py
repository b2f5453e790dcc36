"""Every parser of what others send: any bytes are a value with one spelling, or refused with a reason, soon."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from armslength.core.arrangement.bodies import Evidence
from armslength.core.canonical import canonical
from armslength.core.record import checkpoint, evidence, keys, note
from armslength.delivery import chunks
from armslength.errors import Malformed, Refused, Unauthorised
from armslength.identity import did, tokens
from armslength.identity.keys import PrivateKey
from armslength.wire import (
    bundle,
    catalog,
    did_key,
    dsp,
    errors,
    manage,
    own,
    proof,
    record,
    terms,
    terms_json,
    terms_tree,
    terms_yaml,
    witness,
)
from tests.record_builder import clause_texts

from . import samples
from .mutations import fuzzed, spoilt

Parse = Callable[[bytes], Any]
Encode = Callable[[Any], bytes]

BYTES: dict[str, tuple[Parse, Encode]] = {
    "entry": (record.decode_entry, record.encode),
    "submission": (record.decode_submission, canonical),
    "stamp": (record.decode_stamp, record.encode),
    "refusal": (record.decode_refusal, record.encode),
    "leaf": (record.decode_leaf, record.encode),
    "answers": (own.decode_answers, own.encode_answers),
    "synced": (own.decode_synced, canonical),
    "proposal": (own.decode_proposal, canonical),
    "sealed": (own.decode_sealed, canonical),
    "arrangements": (own.decode_arrangements, canonical),
    "lines": (own.split_lines, lambda lines: b"".join(line + b"\n" for line in lines)),
    "terms": (terms_json.decode_terms, terms_json.encode_terms),
    "note": (note.parse, lambda found: found.encode().encode()),
}

TEXTS: dict[str, tuple[Callable[[str], Any], Callable[[Any], str]]] = {
    "vkey": (witness.parse_vkey, lambda found: note.vkey(*found)),
    "checkpoint": (checkpoint.parse_checkpoint, lambda found: found.text),
    "receipt": (proof.parse_receipt, lambda found: found.encode()),
    "add-checkpoint": (witness.parse_add_checkpoint, lambda found: found.encode()),
    "cosignatures": (witness.parse_cosignatures, witness.encode_cosignatures),
}


def of(name: str) -> list[bytes]:
    """The good documents of a kind."""
    groups = {**samples.parts(), **samples.notes(), **samples.between_nodes(), "leaf": samples.leaves()}
    return groups[name] if name in groups else [terms_json.encode_terms(samples.short_record().terms)]


@pytest.mark.parametrize("name", BYTES)
def test_reads_what_it_writes(name: str) -> None:
    """The samples that the fuzzing starts from are good ones, so that it does not only ever see refusals."""
    parse, encode = BYTES[name]
    for data in of(name):
        assert encode(parse(data)) == data


@pytest.mark.parametrize("name", BYTES)
@given(data=st.data())
@fuzzed
def test_bytes_have_one_spelling_or_are_malformed(name: str, data: st.DataObject) -> None:
    """Nothing but Malformed, and what is accepted encodes to exactly the bytes that came."""
    parse, encode = BYTES[name]
    given_bytes = data.draw(spoilt(of(name), as_json=name not in ("note", "lines")))
    try:
        value = parse(given_bytes)
    except Malformed:
        return
    assert encode(value) == given_bytes


@pytest.mark.parametrize("name", TEXTS)
@given(data=st.data())
@fuzzed
def test_texts_have_one_spelling_or_are_malformed(name: str, data: st.DataObject) -> None:
    """The same for the text formats."""
    parse, encode = TEXTS[name]
    text = data.draw(spoilt(of(name), as_json=False)).decode("utf-8", "replace")
    try:
        value = parse(text)
    except Malformed:
        return
    assert encode(value) == text


@given(spoilt(samples.messages()))
@example(b'{"@context":"\xff"}')
@fuzzed
def test_protocol_messages_are_read_or_malformed(data: bytes) -> None:
    """A DSP message is read leniently where the protocol says so, but what was read is written and read the same."""
    try:
        message = dsp.read(data)
    except Malformed:
        return
    assert dsp.read(dsp.write(message)) == message


@given(spoilt([*samples.messages(), b'{"reason":["why"],"code":"1","providerPid":"p"}']))
@example(b'{"reason":"\xff"}')
@fuzzed
def test_a_peers_answer_never_fails_the_reader(data: bytes) -> None:
    """What a peer says in an error body, or of its id, is a text or nothing."""
    assert isinstance(dsp.read_reason(data), str)
    assert isinstance(dsp.read_provider_pid(data), str | None)


@given(
    spoilt([*samples.messages(), b'{"error":"state","place":"body","reason":"why"}']), st.sampled_from([400, 409, 502])
)
@example(b'{"error":"\xff"}', 409)
@fuzzed
def test_whatever_a_peer_answers_is_an_error(data: bytes, status: int) -> None:
    """An error body of whoever answers is read as one error or another, and is bounded."""
    error = errors.decode_error(status, data, errors.FROM_PEER)
    assert 0 < len(error.code) <= errors.MAX_CODE
    assert 0 < len(error.reason) <= errors.MAX_REASON


SAID = (
    b'{"arrangement":"","statements":[{"body":{"claim":"k2","period":7,"value":true},"type":"attest"}]}',
    b'{"statements":[{"body":{},"type":"resume"}],"events":["k2"]}',
)


@given(spoilt(SAID))
@example(b'{"statements":[{"type":"attest","body":{"claim":"\xff"}}]}')
@example(b'{"arrangement":"","statements":[],"":null}')
@fuzzed
def test_what_an_owner_asks_is_statements_or_malformed(data: bytes) -> None:
    """What is taken for statements makes the same statements when it is written."""
    try:
        order = manage.decode_question(manage.SAY, data)
        bodies = manage.bodies_of(order)
    except Malformed:
        return
    again = dataclasses.replace(order, statements=manage.statements(bodies))
    assert manage.bodies_of(manage.decode_question(manage.SAY, manage.encode_message(again))) == bodies


@given(spoilt(samples.catalog_requests()))
@example(b'{"@context":"\xff"}')
@fuzzed
def test_catalogue_requests_are_accepted_or_malformed(data: bytes) -> None:
    """A catalogue request is good or refused with the field."""
    try:
        catalog.check_request(data)
    except Malformed:
        return


@given(
    st.recursive(
        st.sampled_from([None, True, 0, -1, 2**53 - 1, "", "a\u2028\x1f\x7f\u00e9\U0001f600"]) | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    )
)
@fuzzed
def test_the_canonical_form_is_that_of_rfc_8785(value: object) -> None:
    """What our encoder takes, an independent RFC 8785 encoder writes the same; what it refuses is out of our subset."""
    try:
        ours = canonical(value)
    except ValueError:
        text = json.dumps(value)
        assert not text.isascii() or "\\u" in text
        return
    assert ours == rfc8785.dumps(value)  # type: ignore[arg-type]


@given(spoilt([b"a: 1\nb: [x, {c: d}]\n", samples.YAML.read_bytes()[:3000]], as_json=False))
@example(b'a: "\\U00110000"')
@example(b'a: "\\UFFFFFFFF"')
@example(b"%YAML 1." + b"9" * 5000 + b"\n---\na: 1")
@fuzzed
def test_yaml_is_a_tree_or_has_problems(data: bytes) -> None:
    """Any bytes are a tree of nodes, or BadTerms with lines."""
    try:
        node = terms_yaml.parse(data, "terms.yaml")
    except terms_tree.BadTerms as error:
        problems = error.problems
    else:
        problems = ()
        assert node.line > 0
    assert all(problem.line > 0 and problem.reason for problem in problems)


def load(path: str) -> bytes:
    """Files beside the example."""
    return (samples.YAML.parent / path).read_bytes()


def blocks() -> list[bytes]:
    """The example's terms."""
    return [samples.YAML.read_bytes()]


@given(spoilt(blocks(), as_json=False))
@example(samples.YAML.read_bytes().replace(b"46d", b"9" * 5000 + b"d"))
@fuzzed
def test_authored_terms_compile_or_have_problems(data: bytes) -> None:
    """Any bytes are terms that survive decompiling, byte for byte, or BadTerms."""
    try:
        found = terms.compile_terms(data, load)
    except Malformed:
        return
    again = terms.compile_terms(terms.decompile_terms(found.terms, found.texts).encode())
    assert canonical(again.terms) == canonical(found.terms)


@given(spoilt([terms_json.encode_terms(samples.short_record().terms)]))
@fuzzed
def test_proposed_terms_are_as_authored_or_refused(data: bytes) -> None:
    """Canonical terms that another party sends are what the language could have made, or refused."""
    try:
        found = terms.read_terms(data, clause_texts())
    except Malformed:
        return
    assert canonical(found) == data


def test_the_sample_bundle_holds() -> None:
    """The bundle that is spoilt below is a good one."""
    assert bundle.verify_bundle(samples.bundle()).ok


@given(st.data())
@fuzzed
def test_a_bundle_with_any_other_byte_does_not_hold(data: st.DataObject) -> None:
    """Verification never fails for what the files hold, and never passes when one of them is another."""
    files = dict(samples.bundle())
    name = data.draw(st.sampled_from(sorted(files)))
    kind = data.draw(st.sampled_from(["spoil", "spoil", "spoil", "drop", "add", "rename"]))
    if kind == "spoil":
        files[name] = data.draw(spoilt([files[name]], as_json=name.endswith(".json")))
    else:
        content = files[name] if kind == "add" else files.pop(name)
        if kind != "drop":
            files[data.draw(st.sampled_from(["x", "", "../" + name, name + "/", "record/00000001.jsonl"]))] = content
    verdict = bundle.verify_bundle(files)
    assert verdict.ok == (files == samples.bundle())
    assert verdict.ok or verdict.error is not None
    json.dumps(verdict.to_json())


@given(spoilt([samples.did_document()]))
@example(b'{"id":"\xff"}')
@fuzzed
def test_did_documents_hold_keys_or_are_malformed(data: bytes) -> None:
    """A DID document is read or refused; its keys are admitted ones."""
    try:
        found = did.document_keys(data, "did:web:a.example")
    except Malformed:
        return
    assert all(keys.admitted(key) for key in found.values())


@given(
    spoilt(
        [
            b"did:web:a.example",
            b"did:web:localhost%3A8080:x",
            did_key.key_did(bytes([88]) + bytes([102] * 31)).encode(),
        ],
        as_json=False,
    )
)
@fuzzed
def test_dids_lead_to_one_place_or_are_malformed(data: bytes) -> None:
    """A did:key is one key and back; a did:web an address on its own host."""
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(Malformed):
        assert did_key.key_did(did_key.key_of(text)) == text
    try:
        url = did.document_url(text, development=True)
    except Malformed:
        return
    assert url.startswith(("https://", "http://localhost", "http://127.0.0.1"))
    assert url.endswith("/did.json")


def token() -> bytes:
    """A good token from A, at time 1000."""
    made = tokens.Tokens("did:web:a", PrivateKey(bytes(32)), lambda: 1000.0)
    return made.bearer("did:web:b", "https://b/x").encode()


@given(st.data())
@example(data=None)
@fuzzed
def test_a_spoilt_token_is_nobodys(data: st.DataObject | None) -> None:
    """Only the token as it was made says who sent it; everything else is Unauthorised."""
    good = token()
    if data is None:
        head = base64.urlsafe_b64encode(b'{"alg":"\xff"}').rstrip(b"=")
        sent = b"Bearer " + head + good[good.index(b".") :]
    else:
        sent = data.draw(spoilt([good], as_json=False))

    async def lookup(*_: str) -> tuple[bytes, ...]:
        return (PrivateKey(bytes(32)).public,)

    verifier = tokens.Verifier("did:web:b", lookup, lambda: 1000.0)
    try:
        who = asyncio.run(verifier.caller(sent.decode("latin-1")))
    except Unauthorised:
        return
    assert who == "did:web:a"
    assert sent.split()[-1] == good.split()[-1]


@given(st.data())
@fuzzed
def test_evidence_that_was_spoilt_accuses_nobody(data: st.DataObject) -> None:
    """Evidence names its culprit, or is malformed or refused; spoilt on either side, it proves nothing new."""
    builder = samples.short_record()
    good = data.draw(st.sampled_from([body for body in samples.bodies(builder) if isinstance(body, Evidence)]))
    side = data.draw(st.sampled_from(["first", "second", "kind"]))
    text = data.draw(spoilt([getattr(good, side).encode()], as_json=good.kind == "equivocation" and side != "kind"))
    changed = dataclasses.replace(good, **{side: text.decode("utf-8", "replace")})
    try:
        culprit = evidence.culprit(builder.replica.roster, changed)
    except (Malformed, Refused):
        return
    assert culprit == evidence.culprit(builder.replica.roster, good)


@dataclasses.dataclass(frozen=True)
class Loose:
    """A commitment of any values that its fields' types allow."""

    size: int
    plain_root: str
    cipher_size: int
    cipher_root: str
    header: str


@given(st.builds(Loose, st.integers(), st.text(), st.integers(), st.text(), st.text(alphabet="AB=+/\n é", max_size=90)))
@fuzzed
def test_commitments_have_a_form_or_are_malformed(commit: Loose) -> None:
    """A commitment from the record may hold any text and number; none but a well-formed one is worked with."""
    with pytest.raises(Malformed):
        chunks.header(commit)


@pytest.mark.slow("twenty-seven parsers are each given eight hundred large documents")
def test_large_nonsense_is_refused_soon() -> None:
    """No input of a few kilobytes keeps a parser busy, as one quadratic step would; none ends but in a refusal."""
    done = subprocess.run([sys.executable, "-m", "tests.fuzz.hostile"], check=False, capture_output=True, text=True)
    assert (done.stdout.strip(), done.returncode) == ("", 0), done.stderr
