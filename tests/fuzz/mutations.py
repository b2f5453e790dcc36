"""Ways to spoil a document: as bytes, and as the JSON that it holds.

FUZZ_EXAMPLES in the environment sets how many examples each test tries (50 unless told).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "50"))
fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)

TOKENS = [
    b"", b"\x00", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\n", b"\r\n", b"\n\n", b" ", b"\t",
    b'"', b"\\", b"\\u0000", b"\\ud800", b"\\u00e9", b"{", b"}", b"[", b"]", b"[" * 40, b'{"a":' * 40, b":",
    b",", b"null", b"true", b"-1", b"-0", b"1.0", b"1e400", b"9007199254740992", b"1" * 40, b"9" * 5000, b"NaN",
    b"=", b"+", b"/", b"-", "\u2014 ".encode(), "\u2028".encode(), "\u0663".encode(), b"0", b"00", b"A" * 300,
    b"'", b"#", b"&a ", b"*a", b"!!str ", b"<<", b"? ", b"- ", b": ", b"|\n", b">\n", b"%", b"---\n", b"...\n",
    b'"\\U00110000"', b'"\\UFFFFFFFF"', b"99999d",
]  # fmt: skip

VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2**31, 2**53 - 1, 2**53, 2**63, 2**64, 10**30, -(10**30), 1.0, 0.5, 1e300, "",
    " ", "0", "a", "x" * 1000, "\x00", "\x1f", "\n", "\u00e9", "\u2028", "\ud800", "\U0001f600", "0" * 64,
    "f" * 64, "A" * 44, "AAAA", "urn:uuid:00000000-0000-0000-0000-000000000000", "https://[", "did:web:%", [],
    {}, [[]], [{}], {"a": 1}, {"": None}, {"\u00e9": 1}, [1, "a", None], [None] * 50,
    {str(i): i for i in range(50)},
]  # fmt: skip


@st.composite
def spoilt_bytes(draw: st.DrawFn, samples: Sequence[bytes]) -> bytes:
    """A sample with a few cuts, repeats, flips and insertions."""
    data = draw(st.sampled_from(samples))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, min(len(data), start + 40)))
        match draw(st.sampled_from(["replace", "flip", "cut", "repeat", "swap", "noise"])):
            case "replace":
                data = data[:start] + draw(st.sampled_from(TOKENS)) + data[stop:]
            case "flip" if start < len(data):
                data = data[:start] + bytes([data[start] ^ (1 << draw(st.integers(0, 7)))]) + data[start + 1 :]
            case "cut":
                data = data[:start] if draw(st.booleans()) else data[stop:]
            case "repeat":
                data = data[:stop] + data[start:stop] * draw(st.integers(1, 3)) + data[stop:]
            case "swap":
                data = data[:start] + data[stop : stop + 20] + data[start:stop] + data[stop + 20 :]
            case _:
                data = data[:start] + draw(st.binary(max_size=20)) + data[stop:]
    return data


@st.composite
def spoilt_json(draw: st.DrawFn, samples: Sequence[bytes]) -> bytes:
    """A JSON sample in which a few values or members were exchanged, dropped or added; spelt canonically mostly."""
    value = json.loads(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(1, 3))):
        value = _exchange(draw, value)
    text = json.dumps(value, sort_keys=draw(st.integers(0, 9)) > 0, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def _exchange(draw: st.DrawFn, value: Any, depth: int = 0) -> Any:
    inside = isinstance(value, dict | list) and value
    if not inside or (depth and draw(st.integers(0, 3)) == 0):
        return draw(st.sampled_from(VALUES) | st.integers(-(2**70), 2**70) | st.text(max_size=5))
    if isinstance(value, dict):
        name = draw(st.sampled_from(sorted(value)))
        match draw(st.integers(0, 12)):
            case 0:
                return {key: item for key, item in value.items() if key != name}
            case 1:
                return {
                    **value,
                    draw(st.sampled_from(["", "extra", "v", "@id", "\u00e9"])): draw(st.sampled_from(VALUES)),
                }
            case 2:
                return {**value, name: value[draw(st.sampled_from(sorted(value)))]}
            case _:
                return {**value, name: _exchange(draw, value[name], depth + 1)}
    place = draw(st.integers(0, len(value) - 1))
    match draw(st.integers(0, 8)):
        case 0:
            return value[:place] + value[place + 1 :]
        case 1:
            return [*value, value[place]]
        case _:
            return [*value[:place], _exchange(draw, value[place], depth + 1), *value[place + 1 :]]


def spoilt(samples: Sequence[bytes], *, as_json: bool = True) -> st.SearchStrategy[bytes]:
    """Spoilt samples, plain noise, and the samples themselves."""
    kinds = [spoilt_bytes(samples), st.sampled_from(samples), st.binary(max_size=60)]
    return st.one_of(spoilt_json(samples), *kinds) if as_json else st.one_of(*kinds)
