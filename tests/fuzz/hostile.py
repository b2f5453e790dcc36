"""Large nonsense for every parser: `python -m tests.fuzz.hostile` prints, for each that is busy with some of it
for more than two seconds or raises anything but a refusal, one such input, and fails if there is any.
"""

from __future__ import annotations

import itertools
import signal
import sys
from collections.abc import Callable
from types import FrameType

from armslength.core.record import note
from armslength.errors import ArmslengthError
from armslength.identity import did
from armslength.wire import bundle, catalog, did_key, dsp, own, proof, record, terms_json, terms_yaml, witness
from armslength.wire.terms_values import BadValue, read_duration, read_instant, read_line, read_size, read_when

SIZE = 20_000
SIZES = {"yaml": 1500}  # read from disk, by a reader that is slow anyway
SECONDS = 2.0
REFUSALS = (ArmslengthError, BadValue)

UNITS = [
    b"[", b"{", b'{"a":', b'"', b"1,", b"9", b"\n", b"\xe2\x80\x94 a AAAA\n", b"a\n\n", b"=", b"A", b" ", b"index 0\n",
    b"old 0\n", b"\\", b'\\"', b"\xff", b"\xd9\xa3", b'a":1,"', b"-", b"- ", b"#\n", b"? ", b"a: ", b"'", b"&a ", b": ",
    b"a,", b"a b", b"1d", b"1d ", b"%41", b":a",
]  # fmt: skip
STARTS = [
    b"", b'"', b"[" * 33 + b'"', b'{"a":"', b'{"@context":', b'{"', b"[", b"1", b"1w", b"a: ", b"a: {", b'a: "',
    b"did:web:",
]  # fmt: skip

BYTES: dict[str, Callable[[bytes], object]] = {
    "entry": record.decode_entry,
    "leaf": record.decode_leaf,
    "refusal": record.decode_refusal,
    "answers": own.decode_answers,
    "proposal": own.decode_proposal,
    "arrangements": own.decode_arrangements,
    "lines": own.split_lines,
    "terms": terms_json.decode_terms,
    "message": dsp.read,
    "reason": dsp.read_reason,
    "provider pid": dsp.read_provider_pid,
    "catalog request": catalog.check_request,
    "note": note.parse,
    "did document": lambda data: did.document_keys(data, "did:web:a"),
    "bundle": lambda data: bundle.verify_bundle({"arrangement.json": data}),
    "yaml": lambda data: terms_yaml.parse(data, "terms.yaml"),
}
TEXTS: dict[str, Callable[[str], object]] = {
    "vkey": witness.parse_vkey,
    "receipt": proof.parse_receipt,
    "add-checkpoint": witness.parse_add_checkpoint,
    "cosignatures": witness.parse_cosignatures,
    "did:key": did_key.key_of,
    "did:web": did.document_url,
    "duration": read_duration,
    "instant": read_instant,
    "line": read_line,
    "size": read_size,
    "when": lambda text: read_when(text, ("start",)),
}


def late(_signal: int, _frame: FrameType | None) -> None:
    """The alarm."""
    raise TimeoutError


def attempt(parse: Callable[[bytes], object], data: bytes) -> str | None:
    """What is wrong with how `parse` takes `data`."""
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        parse(data)
    except REFUSALS:
        return None
    except TimeoutError:
        return f"still busy after {SECONDS:g} s of processor time"
    except Exception as error:  # noqa: BLE001 (what is looked for)
        return f"raises {type(error).__name__}: {str(error)[:60]}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return None


def main() -> int:
    """Try everything; how many pairs fail."""
    signal.signal(signal.SIGVTALRM, late)
    texts = {name: (lambda data, parse=parse: parse(data.decode("utf-8", "replace"))) for name, parse in TEXTS.items()}
    found = [said for name, parse in (BYTES | texts).items() if (said := first_failure(name, parse))]
    print("\n".join(found))
    return len(found)


def first_failure(name: str, parse: Callable[[bytes], object]) -> str | None:
    """The first input that a parser does not take as it should."""
    size = SIZES.get(name, SIZE)
    for start, unit, end in itertools.product(STARTS, UNITS, (b"", b"x")):
        if wrong := attempt(parse, start + unit * (size // len(unit)) + end):
            return f"{name}: {start[:12]!r} + {unit!r} * n + {end!r}: {wrong}"
    return None


if __name__ == "__main__":
    sys.exit(main() > 0)
