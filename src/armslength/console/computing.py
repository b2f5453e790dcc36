"""The process of one computation (`computations`): its order in, on standard input; lines of JSON out."""

from __future__ import annotations

import os
import resource
import sys
import time
from typing import Final

from armslength.console.rehearsed import explored_html, played_html
from armslength.errors import Misuse
from armslength.views.words import start_case
from armslength.wire.computation import EXPLORE, ComputationOrder, ComputationWord, decode_order, encode_word
from armslength.wire.script import BadScript
from armslength.wire.script_read import read_script
from armslength.wire.terms_json import decode_terms

CPU_S: Final = 110
MEMORY: Final = 1024 * 1024 * 1024  # bytes of address space
NICE: Final = 5
AGAIN_S: Final = 0.5  # between two words on how far it has come


def main() -> None:
    """Do what is asked for, within bounds, and give way to everybody else."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.nice(NICE)
    order = decode_order(sys.stdin.buffer.read())
    try:
        word = ComputationWord(made=_made(order))
    except BadScript as error:
        word = ComputationWord(problems=tuple(map(str, error.problems)))
    except Misuse as error:
        word = ComputationWord(problems=(start_case(error.reason),))
    _say(word)


def _made(order: ComputationOrder) -> str:
    """What comes of it, as HTML. Raises BadScript, Misuse."""
    terms = decode_terms(order.terms.encode())
    if order.kind == EXPLORE:
        return explored_html(terms, _Progress().told)
    script = read_script(order.script.encode(), terms, file="script")
    return played_html(terms, script, order.step)


class _Progress:
    """Tells from time to time how many courses have been looked at."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def told(self, looked: int) -> None:
        """So many so far."""
        if time.monotonic() > self._last + AGAIN_S:
            self._last = time.monotonic()
            _say(ComputationWord(steps=looked))


def _say(word: ComputationWord) -> None:
    sys.stdout.buffer.write(encode_word(word))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
