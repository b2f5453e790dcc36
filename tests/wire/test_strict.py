"""Strict decoding: typed, canonical, bounded, and naming the place that is wrong."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from armslength.core.canonical import canonical
from armslength.errors import Malformed
from armslength.wire.strict import MAX_DEPTH, check_size, decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    n: int
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    items: tuple[Inner, ...]
    flag: bool = False


GOOD = b'{"flag":false,"items":[{"n":1},{"n":2,"note":"\xc3\xa9"}]}'


def test_the_canonical_form_is_read() -> None:
    """What canonical writes is decoded to what it was written from."""
    value = decode(Outer, GOOD, 1000)
    assert value == Outer(items=(Inner(n=1), Inner(n=2, note="é")))
    assert canonical(value) == GOOD


@pytest.mark.parametrize(
    ("data", "code", "place"),
    [
        (b"", "not-json", None),
        (b"{", "not-json", None),
        (GOOD + b"\n", "not-canonical", None),
        (b" " + GOOD, "not-canonical", None),
        (GOOD + b"{}", "not-json", None),
        (b"[]", "bad-field", None),
        (b"null", "bad-field", None),
        (b'{"flag":false}', "bad-field", None),
        (b'{"flag":0,"items":[]}', "bad-field", "flag"),
        (b'{"flag":false,"items":[{"n":"1"}]}', "bad-field", "items[0].n"),
        (b'{"flag":false,"items":[{"n":true}]}', "bad-field", "items[0].n"),
        (b'{"flag":false,"items":[{"n":1.5}]}', "bad-field", "items[0].n"),
        (b'{"flag":false,"items":[{"n":1.0}]}', "bad-field", "items[0].n"),
        (b'{"flag":false,"items":[{"n":1e2}]}', "bad-field", "items[0].n"),
        (b'{"flag":false,"items":[{"n":-0}]}', "not-canonical", None),
        (b'{"flag":false,"items":[{"n":9007199254740992}]}', "not-canonical", None),
        (b'{"items":[]}', "not-canonical", "flag"),
        (b'{"items":[],"flag":false}', "not-canonical", None),
        (b'{"flag":false,"items":[{"n":1,"note":null}]}', "not-canonical", "items[0].note"),
        (b'{"flag":false,"items":[{"n":1,"x":2}]}', "not-canonical", "items[0].x"),
        (b'{"flag":false,"flag":false,"items":[]}', "not-canonical", "flag"),
        (b'{"flag":false,"items":[{"n":1,"n":1}]}', "not-canonical", "n"),
        (b'{"flag":false,"items":[{"n":1,"note":"\\u00e9"}]}', "not-canonical", None),
        (b'{"flag":false,"items":[{"n":1,"note":"\\/"}]}', "not-canonical", None),
        (b'{"flag":false,"items":[{"n":1,"note":"\xff"}]}', "not-json", None),
        (b'{"flag":false,"items":[{"n":1,"note":"\\ud800"}]}', None, None),
        (b"\xef\xbb\xbf" + GOOD, "not-json", None),
        (GOOD.decode().encode("utf-16"), None, None),
    ],
)
def test_every_other_spelling_is_refused(data: bytes, code: str | None, place: str | None) -> None:
    """Unknown and duplicate keys, floats, defaults left out, spaces, escapes: refused, with the place (rule 7.2d)."""
    with pytest.raises(Malformed) as caught:
        decode(Outer, data, 1000)
    if code:
        assert (caught.value.code, caught.value.place) == (code, place)


def test_size_and_depth_are_bounded() -> None:
    """Too large and too deep are refused before decoding; brackets inside strings do not count."""
    with pytest.raises(Malformed) as caught:
        decode(Outer, GOOD, len(GOOD) - 1)
    assert caught.value.code == "too-large"
    with pytest.raises(Malformed) as caught:
        check_size(b"[" * (MAX_DEPTH + 1), 1000)
    assert caught.value.code == "too-deep"
    check_size(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, 1000)
    check_size(b"[]" * 100, 1000)
    check_size(b'["' + b"[" * 500 + b'\\"' + b"[" * 100 + b'"]', 1000)


def test_depth_is_found_in_one_pass() -> None:
    """An open string full of escaped quotes is scanned once; scanned from every quote, this would take hours."""
    check_size(b"[]" * 40 + b'"' + b'\\"' * 2_000_000, 10**7)
