"""`approvals`: who inside a party must agree to what it says, what waits for them, and the journal of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import App, Parameter

from armslength.cli.context import AsJson, NodeFolder, Which, ask, instant, show
from armslength.cli.officials import NOBODY, Asking, OfficialKey, about, ask_for, signed, signing_key
from armslength.cli.output import given, new_folder, write
from armslength.config import load
from armslength.errors import DONE, Misuse, NotFound, Refused, Unavailable, Unverified

if TYPE_CHECKING:
    from armslength.approvals.drafts import Decision
    from armslength.approvals.ledger import Ledger
    from armslength.config import Config
    from armslength.wire.manage import ListedDraft

Draft = Annotated[
    str, Parameter(help="The draft's hash or a prefix of it, or a file that `approvals show` has written.")
]
Out = Annotated[Path | None, Parameter(name=["--out", "-o"])]

approvals = App(name="approvals", help="Officials who must agree to what this node says.")

JOURNAL: Final = "journal.jsonl"
LARGEST: Final = 1024**3  # bytes of an exported journal
FILE: Final = 1024**2  # bytes of a policy, a draft or a decision
DIGITS: Final = 64  # of a whole hash


@approvals.command
def key(file: Path, /, *, name: str, json: AsJson = False) -> int:
    """As an official, make a key of your own, and print the card that goes into the policy. The key stays with you.

    Parameters
    ----------
    file
        The key file to write (mode 0600); must not exist.
    name
        Your name, for the other officials.
    """
    from armslength.errors import unusable
    from armslength.identity.keys import PrivateKey
    from armslength.wire.approvals import AuthoredOfficial, write_card
    from armslength.wire.did_key import key_did

    try:
        made = PrivateKey.create(file)
    except OSError as error:
        raise unusable(error, file) from error
    card = AuthoredOfficial(name=name, keys=(key_did(made.public),))
    show(card, as_json=json, text=write_card(name, made.public).rstrip("\n"))
    return DONE


@approvals.command
def policy(
    file: Path | None = None, /, *, asking: Asking = NOBODY, node: NodeFolder = Path(), json: AsJson = False
) -> int:
    """Show the policy in force, or ask for another. The first one needs only the owner of the node.

    Parameters
    ----------
    file
        A policy in YAML: officials with their cards, and for each act whom it needs. docs/approvals.md describes it.
    """
    from armslength.core.canonical import plain
    from armslength.wire.approvals import read_policy, write_policy
    from armslength.wire.manage import (
        POLICY,
        Asker,
        DraftOrder,
        PlainStatement,
        PolicyOrder,
    )

    config = load(node)
    if file is None:
        answer = ask(config, POLICY, PolicyOrder())
        text = write_policy(answer.policy) if answer.policy.acts else "No policy: the owner's word suffices."
        show(answer.policy, as_json=json, text=text.rstrip("\n"))
        return DONE
    wanted = read_policy(given(file, FILE), str(file), lambda name: given(file.parent / name, FILE))
    if asking.official is None:
        answer = ask(config, POLICY, PolicyOrder(policy=wanted))
        show(answer.policy, as_json=json, text=f"In force: policy {answer.policy.hash[:12]}.")
        return DONE
    change = PlainStatement(type="policy", body=plain(wanted))
    return ask_for(config, DraftOrder(statements=(change,), asker=Asker()), asking, json=json)


@approvals.command(name="list")
def list_drafts(
    *, over: Annotated[bool, Parameter(name="--all")] = False, node: NodeFolder = Path(), json: AsJson = False
) -> int:
    """List what waits for approval, and standing approvals.

    Parameters
    ----------
    over
        Also what is done or has ended.
    """
    from armslength.views.words import safe
    from armslength.wire.manage import APPROVALS, ApprovalsRequest

    answer = ask(load(node), APPROVALS, ApprovalsRequest(over=over))
    lines = [f"{each.hash[:12]}  {about(each)}" for each in answer.drafts]
    show(answer.drafts, as_json=json, text="\n".join(map(safe, lines)) or "Nothing waits for approval.")
    return DONE


@approvals.command(name="show")
def show_draft(
    draft: Draft,
    /,
    *,
    out: Out = None,
    terms: Path | None = None,
    node: NodeFolder = Path(),
    json: AsJson = False,
) -> int:
    """Show a draft: everything that its officials approve.

    Parameters
    ----------
    out
        Write it to a file as well, for officials elsewhere: its SHA-256 is the draft's hash.
    terms
        Of a draft to propose, write the terms to this file, to be read before they are approved.
    """
    from armslength.core.canonical import canonical
    from armslength.views.jsonable import json_text

    config = load(node)
    found = _find(config, draft)
    if out is not None:
        write(out, canonical(found.draft))
    if terms is not None:
        write(terms, _drafted_terms(config, found))
    show(found, as_json=json, text=f"{about(found)}\n{json_text(found.draft)}")
    return DONE


@approvals.command
def approve(
    draft: Draft, /, *, key: OfficialKey, out: Out = None, node: NodeFolder = Path(), json: AsJson = False
) -> int:
    """As an official, approve a draft. With enough officials what it asks for is done at once.

    Parameters
    ----------
    out
        Write the signed decision to this file instead of asking the node: it is handed over, and taken in with
        `approvals submit`. No node is needed for it.
    """
    from armslength.approvals.drafts import APPROVE

    return _decide(draft, APPROVE, key, out, node, json=json)


@approvals.command(name="object")
def object_to(
    draft: Draft, /, *, key: OfficialKey, out: Out = None, node: NodeFolder = Path(), json: AsJson = False
) -> int:
    """As an official, object to a draft: it ends. A standing approval that is in force ends too.

    Parameters
    ----------
    out
        Write the signed decision to this file instead of asking the node.
    """
    from armslength.approvals.drafts import OBJECT

    return _decide(draft, OBJECT, key, out, node, json=json)


@approvals.command
def submit(file: Path, /, *, node: NodeFolder = Path(), json: AsJson = False) -> int:
    """Take in a decision that an official has signed elsewhere.

    Parameters
    ----------
    file
        The file that `approvals approve --out` or `approvals object --out` has written.
    """
    from armslength.wire.approvals import decode_decision

    return _send(load(node), decode_decision(given(file, FILE)), json=json)


@approvals.command
def standing(
    *,
    until: str,
    tranche: str = "",
    everywhere: bool = False,
    asking: Asking = NOBODY,
    arrangement: Which = "",
    node: NodeFolder = Path(),
    json: AsJson = False,
) -> int:
    """As an official, ask that the node may release by itself until a date. Any official ends it with an objection.

    Parameters
    ----------
    until
        When it ends (UTC), like 2016-07-24T06:00:00Z; by the machine's clock.
    tranche
        Of this tranche alone.
    everywhere
        In every arrangement of this node.
    """
    from armslength.wire.manage import DRAFT, VIEW, Asker, DraftOrder, PlainStatement, WhichArrangement

    if everywhere and (arrangement or tranche):
        raise Misuse("which", "it is for one arrangement, or --everywhere", DRAFT.name)
    config = load(node)
    name = "" if everywhere else ask(config, VIEW, WhichArrangement(arrangement=arrangement)).arrangement
    act = PlainStatement(type="release", body={"tranche": tranche} if tranche else {})
    order = DraftOrder(arrangement=name, statements=(act,), asker=Asker(), until=instant(until))
    return ask_for(config, order, asking, json=json)


@approvals.command
def export(folder: Path, /, *, node: NodeFolder = Path(), json: AsJson = False) -> int:
    """Write the journal of approvals, every signature included, for auditors of your own. It is sent to nobody.

    Parameters
    ----------
    folder
        Where to; must not exist, or be empty. It gets `journal.jsonl`: one line of canonical JSON each.
    """
    lines = list(_lines(load(node)))
    with new_folder(folder) as draft:
        (draft / JOURNAL).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    ledger = _folded(folder)
    told = {"folder": str(folder), "lines": len(lines), "head": ledger.head}
    text = f"{len(lines)} lines in {folder / JOURNAL}; check with: armslength approvals verify {folder}"
    show(told, as_json=json, text=text)
    return DONE


@approvals.command
def verify(folder: Path, /, *, expect: str = "", json: AsJson = False) -> int:
    """Check an exported journal offline: its chain, every signature, every quorum. Says which line fails first.

    Parameters
    ----------
    folder
        The folder that `approvals export` has written.
    expect
        A head that it must contain, as an earlier export had it: then nothing before it was rewritten.
    """
    ledger = _folded(folder, expect)
    told = {"ok": True, "lines": ledger.number, "head": ledger.head, "policy": ledger.policy.hash}
    text = (
        f"HOLDS: {ledger.number} lines, every signature and quorum recomputed.\n"
        f"  head    {ledger.head}\n"
        f"  policy  {ledger.policy.hash}\n"
        "  Logins: what their tokens say was compared; that the provider signed them, the node has verified."
    )
    show(told, as_json=json, text=text)
    return DONE


def _lines(config: Config) -> Iterator[str]:
    from armslength.wire.manage import LINES, LinesRequest

    start: int | None = 0
    while start is not None:
        page = ask(config, LINES, LinesRequest(start=start))
        yield from page.lines
        start = page.next


def _folded(folder: Path, expect: str = "") -> Ledger:
    """What follows from an exported journal. Raises Unverified, Misuse."""
    from armslength.approvals.ledger import fold
    from armslength.errors import ArmslengthError
    from armslength.wire.approvals import decode_line

    lines = []
    for number, line in enumerate(given(folder / JOURNAL, LARGEST).splitlines()):
        try:
            lines.append(decode_line(line))
        except ArmslengthError as error:
            raise Unverified(error.code, error.reason, entry=number) from None
    if expect and expect not in {line.hash for line in lines}:
        raise Unverified("rewritten", f"it does not contain the head {expect[:12]}", file=JOURNAL)
    return fold(lines)


def _find(config: Config, begins: str) -> ListedDraft:
    """The draft that is meant. Raises NotFound, Misuse."""
    from armslength.wire.manage import APPROVALS, ApprovalsRequest

    if not begins:
        raise Misuse("which-draft", "say which: `armslength approvals list` shows them", "draft")
    found = ask(config, APPROVALS, ApprovalsRequest(draft=begins)).drafts
    if not found:
        raise NotFound("unknown-draft", "no such draft was asked for here", begins[:16])
    if len(found) > 1:
        raise Misuse("which-draft", f"several begin with this: {', '.join(each.hash[:16] for each in found)}", begins)
    if found[0].draft.hash != found[0].hash:
        raise Misuse("bad-answer", "the node shows another draft under this hash", begins[:16])
    return found[0]


def _drafted_terms(config: Config, found: ListedDraft) -> bytes:
    """The terms that a draft asks to propose, as their author would write them. Raises NotFound, Misuse."""
    from armslength.core.canonical import digest
    from armslength.wire.manage import DRAFTED, WhichDraft
    from armslength.wire.terms import decompile_terms
    from armslength.wire.terms_json import decode_terms

    shown = ask(config, DRAFTED, WhichDraft(draft=found.hash))
    if digest(shown.document.encode()) != found.draft.arrangement:
        raise Misuse("bad-answer", "the node shows other terms than the draft names", found.hash[:16])
    return decompile_terms(decode_terms(shown.document.encode()), shown.texts).encode()


def _decide(draft: str, word: str, key: Path, out: Path | None, node: Path, *, json: bool) -> int:
    from armslength.approvals.drafts import Decision
    from armslength.core.canonical import canonical

    signer = signing_key(key)
    name = _named(draft)
    if out is not None and name is None:
        raise Misuse("which-draft", "give the whole hash, or the draft's file: nobody is asked for it here", draft[:16])
    config = None if out is not None else load(node)
    name = name or (_find(config, draft).hash if config else "")
    decision = Decision(draft=name, word=word, proof=signed(signer, name, word))
    if config is not None:
        return _send(config, decision, json=json)
    if out is not None:
        write(out, canonical(decision))
    show(
        decision, as_json=json, text=f"{word} {name[:12]}: signed; take it in with `armslength approvals submit {out}`"
    )
    return DONE


def _named(draft: str) -> str | None:
    """The whole hash that is given, or that of the draft in the file that is given; None for a prefix."""
    from armslength.core.record.keys import is_hash
    from armslength.wire.approvals import decode_draft

    if is_hash(draft):
        return draft
    path = Path(draft)
    return decode_draft(given(path, FILE)).hash if path.is_file() else None


def _send(config: Config, decision: Decision, *, json: bool) -> int:
    """Hand a decision to the node; tells where the draft stands, and what became of its statements."""
    from armslength.cli.say import line
    from armslength.views.words import safe
    from armslength.wire.manage import DECIDE

    told = ask(config, DECIDE, decision)
    lines = [about(told.draft), *(line(each, told.draft.title or "") for each in told.said)]
    show(told, as_json=json, text="\n".join(map(safe, lines)))
    statuses = {each.status for each in told.said}
    if "refused" in statuses or told.draft.why == "refused":
        return Refused.exit_code
    return Unavailable.exit_code if statuses == {"pending"} else DONE
