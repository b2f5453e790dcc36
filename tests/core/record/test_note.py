"""Signed notes, checkpoints, cosignatures, receipts and witness requests: one text, one spelling."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from armslength.core.record import cosignature, note
from armslength.core.record.checkpoint import Checkpoint, parse_checkpoint
from armslength.errors import Malformed
from armslength.wire import proof, witness
from tests.record_builder import public, signer

# From the C2SP signed-note specification.
EXAMPLE_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE_NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
CHECKPOINT = Checkpoint("armslength/1/test", 3, bytes(range(32)))
NAME = "did:web:localhost%3A8801"
KEY = public("A", "checkpoints")
SIGN = signer("A", "checkpoints")


def signed(text: str = CHECKPOINT.text) -> note.Note:
    """A note with the log's signature and one cosignature."""
    log = note.sign_note(text, "armslength/1/test", KEY, SIGN)
    return note.Note(text, (log, cosignature.cosign(text, 1468540800, NAME, KEY, SIGN)))


def test_the_specification_s_example_verifies() -> None:
    """The vkey and note of the C2SP text."""
    name, algorithm, key = witness.parse_vkey(EXAMPLE_VKEY)
    assert (name, algorithm) == ("example.com/foo", note.ED25519)
    example = note.parse(EXAMPLE_NOTE)
    assert note.verify_note(example.text, example.signatures[0], key)
    assert not note.verify_note(example.text + "\n", example.signatures[0], key)
    assert note.vkey(name, algorithm, key) == EXAMPLE_VKEY
    assert example.encode() == EXAMPLE_NOTE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/foo",
        EXAMPLE_VKEY.replace("530d903a", "530d903b"),
        EXAMPLE_VKEY.replace("530d903a", "530D903A"),
        EXAMPLE_VKEY + "\n",
        EXAMPLE_VKEY.replace("example.com/foo", "example.com/ foo"),
        EXAMPLE_VKEY.replace("example.com/foo", ""),
        note.vkey("x", 2, KEY),
        note.vkey("x", 1, KEY[:31]),
        note.vkey("x", 1, (1).to_bytes(32, "little")),
    ],
)
def test_vkeys_have_one_spelling(text: str) -> None:
    """Wrong ids, names, algorithms and keys are refused."""
    with pytest.raises(Malformed):
        witness.parse_vkey(text)


texts = st.lists(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), max_size=20), min_size=1).map(
    lambda lines: "\n".join(lines) + "\n"
)
names = st.text(st.characters(min_codepoint=33), min_size=1, max_size=20).filter(note.is_name)
signatures = st.builds(note.Signature, names, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=90))


@given(st.builds(note.Note, texts, st.lists(signatures, min_size=1, max_size=4).map(tuple)))
def test_notes_round_trip(value: note.Note) -> None:
    """parse reads exactly what encode writes."""
    assert note.parse(value.encode()) == value
    assert note.parse(value.encode().encode()).encode() == value.encode()


GOOD = signed().encode()
LINE = GOOD.splitlines(keepends=True)[-1]
BAD_NOTES = {
    "empty": "",
    "no signature": CHECKPOINT.text,
    "no signature after the blank line": CHECKPOINT.text + "\n",
    "no blank line": GOOD.replace("\n\n", "\n"),
    "no final newline": GOOD[:-1],
    "spare newline": GOOD + "\n",
    "blank line among signatures": GOOD.replace(LINE, "\n" + LINE + "\n"),
    "carriage return": GOOD.replace("\n", "\r\n"),
    "control character": GOOD.replace("test", "te\x00st", 1),
    "tab": GOOD.replace("— ", "—\t"),
    "no dash": GOOD.replace("\n— ", "\n"),
    "hyphen": GOOD.replace("— ", "- "),
    "two spaces": GOOD.replace("— ", "—  "),
    "trailing space": GOOD.replace("\n— ", " \n— ", 1)[:-1] + " \n",
    "no name": GOOD.replace("— armslength/1/test ", "— "),
    "plus in the name": GOOD.replace("— armslength/1/test", "— armslength+1/test"),
    "no base64": GOOD.replace(LINE, f"— {NAME} !!!!\n"),
    "unpadded": GOOD.replace("=", ""),
    "only a key id": GOOD.replace(LINE, f"— {NAME} AAAAAA==\n"),
    "no text": "\n" + LINE,
    "many signatures": GOOD + LINE * 63,
    "too long": "x" * 70000 + "\n\n" + LINE,
}


@pytest.mark.parametrize("data", BAD_NOTES.values(), ids=BAD_NOTES.keys())
def test_notes_have_one_spelling(data: str) -> None:
    """Everything but the exact form is refused."""
    with pytest.raises(Malformed):
        note.parse(data)


def test_numbers_of_the_format() -> None:
    """C2SP gives each kind of key its byte, of which the key id is made."""
    for algorithm, byte in ((note.ED25519, b"\x01"), (note.COSIGNATURE, b"\x04")):
        made = hashlib.sha256(b"did:web:x\n" + byte + KEY).digest()[:4]
        assert note.key_id("did:web:x", algorithm, KEY) == made
        assert note.vkey("did:web:x", algorithm, KEY).endswith("+" + base64.b64encode(byte + KEY).decode())


def test_limits_of_a_note() -> None:
    """64 signatures and 64 KiB, and not one more."""
    head = CHECKPOINT.text + "\n"
    assert len(note.parse(head + LINE * 64).signatures) == 64
    longest = 64 * 1024 - len(("\n\n" + LINE).encode())
    assert len(note.parse("x" * longest + "\n\n" + LINE).encode().encode()) == 64 * 1024
    for wrong, code in ((head + LINE * 65, "bad-note"), ("x" * (longest + 1) + "\n\n" + LINE, "too-large")):
        with pytest.raises(Malformed) as caught:
            note.parse(wrong, "here")
        assert (caught.value.code, caught.value.place) == (code, "here")


def test_a_signature_is_found_by_name_and_key() -> None:
    """Both say whose it is; the first of several counts."""
    log, cosigned = signed().signatures
    again = note.Signature(log.name, log.key_id, bytes(64))
    found = note.Note(CHECKPOINT.text, (cosigned, log, again)).find
    assert found(log.name, log.key_id) is log
    assert found(cosigned.name, cosigned.key_id) is cosigned
    assert found(cosigned.name, log.key_id) is None
    assert found(log.name, cosigned.key_id) is None


def test_notes_are_utf8() -> None:
    """Bytes that are not UTF-8 are refused."""
    with pytest.raises(Malformed):
        note.parse(b"\xff" + GOOD.encode())


def test_a_text_may_hold_empty_lines() -> None:
    """The last empty line separates text and signatures."""
    value = signed("a\n\nb\n")
    assert note.parse(value.encode()).text == "a\n\nb\n"


@given(
    st.text(min_size=1).filter(lambda text: "\n" not in text),
    st.integers(0, 2**53 - 1),
    st.binary(min_size=32, max_size=32),
)
def test_checkpoints_round_trip(origin: str, size: int, root: bytes) -> None:
    """parse_checkpoint reads what text writes."""
    assert parse_checkpoint(Checkpoint(origin, size, root).text) == Checkpoint(origin, size, root)


ROOT = base64.b64encode(CHECKPOINT.root).decode()
BAD_CHECKPOINTS = {
    "extension line": CHECKPOINT.text + "extension\n",
    "leading zero": f"o\n03\n{ROOT}\n",
    "sign": f"o\n+3\n{ROOT}\n",
    "space": f"o\n 3\n{ROOT}\n",
    "underscore": f"o\n1_0\n{ROOT}\n",
    "other digits": f"o\n٣\n{ROOT}\n",
    "not a number": f"o\nx\n{ROOT}\n",
    "too large": f"o\n{2**53}\n{ROOT}\n",
    "negative": f"o\n-1\n{ROOT}\n",
    "no origin": f"\n3\n{ROOT}\n",
    "short root": "o\n3\nAAAA\n",
    "long root": f"o\n3\n{base64.b64encode(bytes(33)).decode()}\n",
    "root not base64": "o\n3\n!\n",
    "two lines": "o\n3\n",
    "no final newline": f"o\n3\n{ROOT}",
    "empty": "",
}


@pytest.mark.parametrize("text", BAD_CHECKPOINTS.values(), ids=BAD_CHECKPOINTS.keys())
def test_checkpoints_have_one_spelling(text: str) -> None:
    """Extension lines, other numbers and other roots are refused."""
    with pytest.raises(Malformed):
        parse_checkpoint(text)


def test_a_cosignature_binds_text_time_and_key() -> None:
    """It verifies for what was signed, and yields its time."""
    line = cosignature.cosign(CHECKPOINT.text, 1468540800, NAME, KEY, SIGN)
    assert len(line.blob) == 72
    assert cosignature.verify_cosignature(CHECKPOINT.text, line, KEY) == 1468540800
    other = note.Signature(line.name, line.key_id, (1468540801).to_bytes(8, "big") + line.blob[8:])
    assert cosignature.verify_cosignature(CHECKPOINT.text, other, KEY) is None
    assert cosignature.verify_cosignature(CHECKPOINT.text.replace("3", "4"), line, KEY) is None
    assert cosignature.verify_cosignature(CHECKPOINT.text, line, public("B", "checkpoints")) is None
    renamed = note.Signature("did:web:other", line.key_id, line.blob)
    assert cosignature.verify_cosignature(CHECKPOINT.text, renamed, KEY) is None
    short = note.Signature(line.name, line.key_id, line.blob[:-1])
    assert cosignature.verify_cosignature(CHECKPOINT.text, short, KEY) is None


def test_a_plain_signature_is_no_cosignature() -> None:
    """The two kinds have different key ids and messages, so neither passes for the other."""
    plain = note.sign_note(CHECKPOINT.text, NAME, KEY, SIGN)
    line = cosignature.cosign(CHECKPOINT.text, 7, NAME, KEY, SIGN)
    assert plain.key_id != line.key_id
    assert cosignature.verify_cosignature(CHECKPOINT.text, plain, KEY) is None
    assert not note.verify_note(CHECKPOINT.text, line, KEY)


def test_a_time_beyond_the_largest_integer_is_refused() -> None:
    """Times stay within 2^53 − 1."""
    line = cosignature.cosign(CHECKPOINT.text, 2**53, NAME, KEY, SIGN)
    assert cosignature.verify_cosignature(CHECKPOINT.text, line, KEY) is None


def test_the_lower_median_is_the_earlier_middle() -> None:
    """Of 1, 2, 3 and 4 times (rule 2.1c)."""
    assert [cosignature.lower_median(times) for times in ([5], [9, 5], [9, 5, 7], [1, 9, 5, 7])] == [5, 5, 7, 5]


RECEIPT = proof.Receipt(1, (bytes(32), bytes(range(32))), signed()).encode()


def test_receipts_round_trip() -> None:
    """parse_receipt reads what encode writes, an empty path included."""
    assert proof.parse_receipt(RECEIPT).encode() == RECEIPT
    alone = proof.Receipt(0, (), signed())
    assert proof.parse_receipt(alone.encode()) == alone


BAD_RECEIPTS = {
    "empty": "",
    "other header": RECEIPT.replace("@v1", "@v2"),
    "no index": RECEIPT.replace("index 1\n", ""),
    "leading zero": RECEIPT.replace("index 1", "index 01"),
    "negative": RECEIPT.replace("index 1", "index -1"),
    "extra line": RECEIPT.replace("index 1", "extra AAAA\nindex 1"),
    "short hash": RECEIPT.replace(base64.b64encode(bytes(32)).decode(), "AAAA"),
    "no blank line": RECEIPT.replace("\n\n", "\n", 1),
    "no checkpoint": RECEIPT.partition("\n\n")[0] + "\n\n",
    "too many hashes": proof.Receipt(1, (bytes(32),) * 64, signed()).encode(),
    "carriage return": RECEIPT.replace("\n", "\r\n"),
}


@pytest.mark.parametrize("data", BAD_RECEIPTS.values(), ids=BAD_RECEIPTS.keys())
def test_receipts_have_one_spelling(data: str) -> None:
    """Everything but the exact form is refused."""
    with pytest.raises(Malformed):
        proof.parse_receipt(data)


REQUEST = witness.AddCheckpoint(2, (bytes(32),), signed()).encode()


def test_requests_round_trip() -> None:
    """parse_add_checkpoint reads what encode writes, an empty proof included."""
    assert witness.parse_add_checkpoint(REQUEST).encode() == REQUEST
    first = witness.AddCheckpoint(0, (), signed())
    assert witness.parse_add_checkpoint(first.encode()) == first


BAD_REQUESTS = {
    "empty": "",
    "no old size": REQUEST.replace("old 2\n", ""),
    "leading zero": REQUEST.replace("old 2", "old 02"),
    "not a number": REQUEST.replace("old 2", "old two"),
    "no blank line": REQUEST.replace("\n\n", "\n", 1),
    "short hash": REQUEST.replace(base64.b64encode(bytes(32)).decode(), "AAAA"),
    "too many hashes": witness.AddCheckpoint(2, (bytes(32),) * 64, signed()).encode(),
    "no checkpoint": "old 0\n\n",
}


@pytest.mark.parametrize("data", BAD_REQUESTS.values(), ids=BAD_REQUESTS.keys())
def test_requests_have_one_spelling(data: str) -> None:
    """Everything but the exact form is refused."""
    with pytest.raises(Malformed):
        witness.parse_add_checkpoint(data)


def test_answers_are_signature_lines() -> None:
    """Cosignatures travel as lines, each with its newline."""
    lines = signed().signatures
    assert witness.parse_cosignatures(witness.encode_cosignatures(lines)) == lines
    for data in ("", "\n", LINE[:-1], LINE + "\n"):
        with pytest.raises(Malformed):
            witness.parse_cosignatures(data)
