"""`propose`, `counter`, `sign`, `decline`: how terms come to be signed, or not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from armslength.cli.context import AsJson, NodeFolder, ask, show
from armslength.cli.say import statements
from armslength.cli.terms import sound_file
from armslength.config import load
from armslength.core.arrangement.bodies import Sign
from armslength.errors import ArmslengthError, Misuse, NotFound

if TYPE_CHECKING:
    import cyclopts

    from armslength.wire.terms import Compiled

Note = Annotated[str, Parameter(help="A word to the others; it is no part of the terms.")]


def register(app: cyclopts.App) -> None:
    """Put the commands of this file on the application."""
    for command in (propose, counter, sign, decline):
        app.command(command)


def propose(file: Path, /, *, note: Note = "", node: NodeFolder = Path(), json: AsJson = False) -> int:
    """Send terms to everyone they name who runs a node.

    Parameters
    ----------
    file
        The terms, in YAML. Nothing is sent unless they compile and `armslength check` finds no errors in them.
    """
    compiled = sound_file(file)
    answer = _send(node, compiled, None, note)
    show(answer, as_json=json, text=_told(answer, compiled))
    return 1 if any(answer["sent"].values()) else 0


def counter(
    file: Path, /, *, to: Annotated[str, Parameter(name="--to")] = "", note: Note = "",
    node: NodeFolder = Path(), json: AsJson = False,
) -> int:  # fmt: skip
    """Answer proposed terms with others, and show what they would change.

    Parameters
    ----------
    file
        The other terms, in YAML.
    to
        Hash of the terms that they would replace, or its beginning; needed only where there are several.
    """
    from armslength.core.canonical import digest
    from armslength.report.differences import differences
    from armslength.views.words import count, safe
    from armslength.wire.terms_json import decode_terms, encode_terms

    config = load(node)
    found = [each for each in ask(config, "list")["arrangements"] if each["arrangement"].startswith(to)]
    if len(found) != 1:
        raise (NotFound if not found else Misuse)("which-terms", "name the terms to answer with --to HASH", to or None)
    old, compiled = found[0], sound_file(file)
    if digest(encode_terms(compiled.terms)) == old["arrangement"]:
        raise Misuse("same-terms", "these are the very terms that were proposed; sign them instead", str(file))
    before = decode_terms(old["document"].encode())
    changes = differences(before, compiled.terms, old["texts"], compiled.texts)
    answer = _send(node, compiled, old["arrangement"], note)
    answer["differences"] = [
        {"path": c.path, "before": c.before, "after": c.after, "sentence": c.sentence} for c in changes
    ]
    lines = [safe(f"  {change.sentence}") for change in changes]
    show(
        answer, as_json=json, text="\n".join([_told(answer, compiled), f"{count(len(changes), 'difference')}:", *lines])
    )
    return 1 if any(answer["sent"].values()) else 0


def sign(arrangement: str = "", /, *, node: NodeFolder = Path(), json: AsJson = False) -> int:
    """Sign terms. All parties sign the same bytes; their SHA-256 names the arrangement for ever.

    Parameters
    ----------
    arrangement
        Hash of the terms, or its beginning; needed only where there are several.
    """
    try:
        return statements(node, arrangement, [Sign()], json=json)
    except ArmslengthError as error:
        config = load(node)
        if error.code != "which-arrangement" or not config.address:
            raise
        raise Choice(ask(config, "list")["arrangements"], arrangement) from None


class Choice(Misuse):
    """Several terms could be meant: a line for each."""

    def __init__(self, held: list[dict[str, Any]], begins: str) -> None:
        lines = tuple(_candidate(each, held) for each in held if each["arrangement"].startswith(begins))
        self.closing = "say which, as in `armslength sign HASH`"
        super().__init__("which-arrangement", f"{self.closing}: {'; '.join(lines)}")
        self.problems = lines


def _candidate(each: dict[str, Any], held: list[dict[str, Any]]) -> str:
    """Terms that could be signed, in a line."""
    from armslength.views.words import Words
    from armslength.wire.terms_json import decode_terms

    terms = decode_terms(each["document"].encode())
    words = Words.of(terms)
    names = {actor.did: words.named(name) for name, actor in terms.actors.items()}
    facts = [each["state"], f"proposed by {names.get(each['proposed_by'], each['proposed_by'])}"]
    facts += [f"to replace {each['replaces'][:12]}"] if each["replaces"] else []
    facts += [f"answered by {other['arrangement'][:12]}" for other in held if other["replaces"] == each["arrangement"]]
    facts += [f"signed by {words.names(each['signed'])}" if each["signed"] else "signed by nobody"]
    return f"{each['arrangement'][:12]}  {each['title']}: {', '.join(facts)}"


def decline(arrangement: str, /, *, node: NodeFolder = Path(), json: AsJson = False) -> int:
    """Drop terms that we have not signed. Nobody is told; they can be proposed again.

    Parameters
    ----------
    arrangement
        Hash of the terms, or its beginning.
    """
    from armslength.views.words import safe

    answer = ask(load(node), "decline", arrangement=arrangement)
    show(answer, as_json=json, text=safe(f"Declined {answer['arrangement'][:12]} ({answer['title']})."))
    return 0


def _send(node: Path, compiled: Compiled, replaces: str | None, note: str) -> dict[str, Any]:
    from armslength.wire.terms_json import encode_terms

    document = encode_terms(compiled.terms).decode()
    asked: dict[str, Any] = {"document": document, "texts": dict(compiled.texts), "note": note}
    if replaces is not None:
        asked["replaces"] = replaces
    return ask(load(node), "propose", **asked)


def _told(answer: dict[str, Any], compiled: Compiled) -> str:
    from armslength.views.words import Words, safe

    words, lines = Words.of(compiled.terms), [f"Arrangement {answer['arrangement']}"]
    lines += [safe(f"  {words.named(who)}: {trouble or 'has it'}") for who, trouble in answer["sent"].items()]
    return "\n".join(lines)
