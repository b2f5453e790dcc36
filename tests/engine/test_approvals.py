"""Every path by which something of ours is signed, and that it passes the door (rule 12.4b)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from armslength.core.arrangement.bodies import Withdraw
from armslength.core.record.entry import Head
from armslength.core.record.roster import roster
from armslength.engine.clearance import Clearance
from armslength.engine.journal import Journal
from armslength.store.memory import MemoryStore
from tests.record_builder import keyed_terms, signer

SOURCE: Final = Path(__file__).parents[2] / "src" / "armslength"

# Who has the means to sign, and what is signed there: (file, function) -> why it needs no door of its own.
SIGNING: Final = {
    ("engine/journal.py", "write"): "entries, of a clearance alone",
    ("engine/keeper.py", "_place_seal"): "a seal, which needs nobody",
    ("engine/keeper.py", "_collect"): "the head of a log",
    ("engine/recorder.py", "cosign"): "a cosignature",
    ("engine/recorder.py", "bundle"): "the manifest of a bundle",
    ("engine/local_record.py", "submit"): "a stamp",
    ("engine/local_record.py", "refusal"): "a refusal",
    ("engine/repository.py", "_load"): "hands the key to the journal and the record",
    ("engine/monitor.py", "_record"): "opens a monitor's journal to read it",
    ("engine/monitor.py", "say"): "hands a monitor's own key to its journal: it has no officials",
    ("core/record/entry.py", "sign_entry"): "what an entry's author signs",
    ("core/record/entry.py", "stamp"): "what a timekeeper signs",
    ("core/record/entry.py", "refuse"): "what a keeper signs",
    ("core/record/note.py", "sign_note"): "what a log signs",
    ("core/record/cosignature.py", "cosign"): "what a timekeeper cosigns",
    ("wire/bundle.py", "build"): "the manifest of a bundle",
    ("wire/script_sentences.py", ""): "nothing: the word `sign` of a script",
    ("cli/officials.py", "signed"): "an official's word, with the official's own key",
    ("identity/tokens.py", "_make"): "a token between nodes",
}
# Who lets statements be written, and whose acts engage in terms or decline them.
CLEARING: Final = {
    ("engine/approvals.py", "_cleared"): "the door",
    ("engine/monitor.py", "_say"): "a monitor without a node has no officials",
    ("engine/proposals.py", "engage"): "permitted a line above, and noted by the signature that follows",
}


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    """Every call in the package, with its file and the function that it is made in."""
    for path in sorted(SOURCE.rglob("*.py")):
        yield from _calls(path.relative_to(SOURCE).as_posix(), "", ast.parse(path.read_text(encoding="utf-8")))


def _calls(file: str, inside: str, node: ast.AST) -> Iterator[tuple[str, str, ast.Call]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield file, inside, child
        is_function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
        yield from _calls(file, child.name if is_function and not inside else inside, child)  # type: ignore[attr-defined]


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _signs(call: ast.Call) -> bool:
    """Whether a call signs, or hands on what signs."""
    given = [*call.args, *(each.value for each in call.keywords)]
    names = {each.attr for each in given if isinstance(each, ast.Attribute)}
    names |= {each.id for each in given if isinstance(each, ast.Name)}
    return _name(call) in {"sign", "_sign", "sign_entry", "crypto_sign"} or bool(names & {"sign", "_sign"})


def test_whatever_signs_is_known() -> None:
    """A new place that signs, or hands a key on, is argued for here: no statement is signed beside the journal."""
    found = {(file, function) for file, function, call in calls() if _signs(call)}
    found -= {("identity/keys.py", "sign")}  # the key itself
    assert found == SIGNING.keys(), f"goes round the door? {sorted(found ^ SIGNING.keys())}"


def test_statements_are_written_with_a_clearance_alone() -> None:
    """Only the door, and a monitor that has no officials, makes one; and whoever writes is given it."""
    made = {(file, function) for file, function, call in calls() if _name(call) == "Clearance"}
    assert made == CLEARING.keys()
    written = {(file, function) for file, function, call in calls() if _last_two(call) == "journal.write"}
    assert written == {("engine/writer.py", "_write"), ("engine/monitor.py", "_say")}


def _last_two(call: ast.Call) -> str:
    return ast.unparse(call.func).removeprefix("self._").removeprefix("live.")


def test_terms_are_engaged_in_through_the_door() -> None:
    """Whoever engages in terms or declines them hands a clearance on."""
    found = {
        (file, function, len(call.args))
        for file, function, call in calls()
        if ast.unparse(call.func) in {"self._repository.add", "self._inbox.decline"}
    }
    assert found == {("engine/proposals.py", "_engage", 5), ("engine/proposals.py", "decline", 2)}


async def test_a_clearance_is_for_its_statements() -> None:
    """What was not cleared is not signed, whoever asks for it."""
    journal = Journal(MemoryStore(), roster(keyed_terms()), "A", signer("A"))
    leave, stay = Withdraw(text="we leave"), Withdraw(text="we stay")
    with pytest.raises(ValueError, match="not cleared"):
        await journal.write(Clearance((leave,)), Head(size=0, tree_root="", state_root=""), only=[stay])
    assert not await journal.pending()
