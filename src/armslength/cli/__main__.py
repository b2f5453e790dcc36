"""The command line. Exit codes: 0 done · 1 refused, or something does not hold · 2 misuse · 3 a node does not answer.

Every command takes `--json`; then standard output holds exactly one JSON document, errors included.
"""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Sequence

import cyclopts

from armslength import __version__
from armslength.cli import agree, clock, files, look, nodes, proof, say, terms
from armslength.errors import ArmslengthError

app = cyclopts.App(
    name="armslength",
    version=__version__,
    help="Conditional, reciprocal exchange between organisations that do not trust each other, step by step.\n\n"
    "Begin with `armslength init FOLDER` for an identity and `armslength check FILE` for terms. Commands that speak for"
    " a node or a monitor take `--node FOLDER` (or the variable ARMSLENGTH_NODE; default: the current folder).\n\n"
    "Exit codes: 0 done; 1 refused, or something does not hold; 2 misuse; 3 a node does not answer.",
)
for part in (nodes, terms, agree, say, files, look, proof, clock):
    part.register(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. Errors are told in words, or as JSON if that was asked for."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        result = app(given, exit_on_error=False, result_action="return_value", print_error=True)
        return result if isinstance(result, int) else 0
    except ArmslengthError as error:
        _tell(error, as_json="--json" in given)
        return error.exit_code
    except cyclopts.CycloptsError:
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1


def _tell(error: ArmslengthError, *, as_json: bool) -> None:
    if as_json:
        document = {"error": error.code, "place": error.place, "reason": error.reason}
        print(jsonlib.dumps(document, ensure_ascii=False))
    else:
        print(f"armslength: {error} [{error.code}]", file=sys.stderr)


if __name__ == "__main__":
    main()
