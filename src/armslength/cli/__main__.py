"""The command line. Exit codes: 0 done · 1 refused, or something does not hold · 2 misuse · 3 a node does not answer.

Every command takes `--json`; then standard output holds exactly one JSON document, errors included.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any, Final

import cyclopts

from armslength import __version__
from armslength.cli.examples import EXAMPLES, epilogue
from armslength.cli.output import streams
from armslength.errors import DONE, INTERRUPTED, ArmslengthError, Misuse, not_kept, unusable

HELP: Final = (
    "Conditional, reciprocal exchange between organisations that do not trust each other, step by step.\n\n"
    "Begin with `armslength init FOLDER` for an identity and `armslength check FILE` for terms. Commands that speak for"
    " a node or a monitor take `--node FOLDER` (or the variable ARMSLENGTH_NODE; default: the current folder).\n\n"
    "Exit codes: 0 done; 1 refused, or something does not hold; 2 misuse; 3 a node does not answer. A statement that is"
    " pending (3) is kept and sent again; made a second time, it is not signed anew. What waits for officials"
    " of your own (3) is kept too, and done once they approve. Where a file or a disk is not as a"
    " command needs it (2) nothing was done; where only its output could not be written (1) it was."
)
# Which file has which verbs, each a function of that name there, or an application: only what a command needs is
# imported, so that commands start fast.
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "nodes": ("init", "card", "up"),
    "new": ("new",),
    "terms": ("check",),
    "rehearse": ("rehearse",),
    "agree": ("propose", "counter", "inbox", "sign", "accept", "decline"),
    "say": ("attest", "perform", "notify", "allege", "respond", "determine", "resume", "withdraw", "waive"),
    "files": ("publish", "fetch"),
    "look": ("status", "why", "record", "wait"),
    "today": ("today", "watch", "notify-test", "calendar", "remind"),
    "proof": ("export", "verify", "report", "keys"),
    "counterparty": ("counterparty",),
    "approvals": ("approvals",),
    "backup": ("backup", "restore"),
    "clock": ("clock",),
    "console": ("console",),
    "page": ("page",),
}


@cache
def application(verb: str | None = None) -> cyclopts.App:
    """The application with the file that holds `verb`, or with all of them."""
    quiet = cyclopts.Parameter(negative=(), show_default=_default)
    made = cyclopts.App(name="armslength", version=__version__, help=HELP, default_parameter=quiet)
    only = [part for part, verbs in PARTS.items() if verb in verbs]
    for part in only or PARTS:
        for each in PARTS[part]:
            made.command(getattr(import_module(f"armslength.cli.{part}"), each.replace("-", "_")))
    for line in EXAMPLES:
        first, *rest = line.split()
        if first in made:
            command = made[first][rest[0]] if rest else made[first]
            command.help_epilogue = epilogue(line)
    return made


def _default(value: object) -> str | None:
    """A default as help shows it; nothing where it only says that nothing was given."""
    return None if value in ("", (), False, None) else f"{value:g}" if isinstance(value, float) else str(value)


def __getattr__(name: str) -> Any:
    if name == "app":
        return application()
    raise AttributeError(name)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. Errors are told in words, or as JSON if that was asked for."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    with streams() as (out, err):
        code = _called(given)
        out.flush()
        if out.error is None:
            return code
        if not isinstance(out.error, BrokenPipeError):  # a reader that has enough is told nothing
            err.write(f"armslength: what was to be shown cannot be written: {out.error.strerror} [no-output]\n")
        return code or ArmslengthError.exit_code


def _called(given: list[str]) -> int:
    as_json = "--json" in given
    try:
        called = application(given[0] if given else None)
        result = called(given, exit_on_error=False, result_action="return_value", print_error=not as_json)
        return result if isinstance(result, int) else DONE
    except (ArmslengthError, OSError) as error:
        known = error if isinstance(error, ArmslengthError) else unusable(error, error.filename or given[0])
        failed = not_kept(known)
    except cyclopts.CycloptsError as error:
        if not as_json:
            return Misuse.exit_code  # it has been told
        failed = Misuse("usage", " ".join(str(error).split()), given[0])
    except KeyboardInterrupt:
        return INTERRUPTED
    _tell(failed, as_json=as_json)
    return failed.exit_code


def _tell(error: ArmslengthError, *, as_json: bool) -> None:
    if as_json:
        document = {"error": error.code, "place": error.place, "reason": error.reason}
        from armslength.views.jsonable import json_text

        print(json_text(document, indent=None))
        return
    from armslength.views.words import safe

    problems = getattr(error, "problems", ())  # of a terms file: one line each
    closing = getattr(error, "closing", "these terms do not compile" if problems else str(error))
    for line in (*problems, f"{closing} [{error.code}]"):
        print(safe(f"armslength: {line}"), file=sys.stderr)


if __name__ == "__main__":
    main()
