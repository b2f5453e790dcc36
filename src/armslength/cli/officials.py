"""Speaking as an official: the key that proves it, and asking for an act that a policy names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from armslength.cli.context import ask, show
from armslength.errors import Misuse, Unavailable

if TYPE_CHECKING:
    from armslength.approvals.drafts import Proof
    from armslength.config import Config
    from armslength.identity.keys import PrivateKey
    from armslength.wire.manage import DraftOrder, ListedDraft, PlainStatement

OfficialKey = Annotated[Path, Parameter(name=["--key", "-k"], help="The official's key file.")]


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Asking:
    """As whom to ask, where a policy wants the approval of officials.

    Parameters
    ----------
    official
        As an official, ask for it with this key file: it waits until enough others have approved, and is then done.
    because
        Why; the other officials read it, and nobody else.
    """

    official: Annotated[Path | None, Parameter(name="--as")] = None
    because: Annotated[str, Parameter(name="--because")] = ""


NOBODY = Asking()


def signing_key(path: Path) -> PrivateKey:
    """An official's key. Raises Misuse."""
    from armslength.errors import unusable
    from armslength.identity.keys import PrivateKey

    try:
        return PrivateKey.load(path)
    except OSError as error:
        raise unusable(error, path) from error


def signed(key: PrivateKey, draft: str, word: str) -> Proof:
    """An official's word on a draft."""
    from armslength.approvals.drafts import Proof, word_message
    from armslength.core.record.keys import to_base64

    return Proof(key=key.text, sig=to_base64(key.sign(word_message(draft, word))))


def ask_for(config: Config, order: DraftOrder, asking: Asking, *, json: bool) -> int:
    """Ask for an act as an official, and tell whom it waits for. The exit code is that of what is kept and goes on
    later."""
    from armslength.approvals.drafts import ASK as WORD
    from armslength.wire.manage import ASK, DRAFT, Asker, AskOrder

    if asking.official is None:
        raise Misuse("no-key", "only officials ask: say as whom, with --as KEY", "--as")
    key = signing_key(asking.official)
    order = replace(order, asker=Asker(key=key.text), why=asking.because)
    reply = ask(config, DRAFT, order)
    if reply.draft.hash != reply.hash or not _is_asked(order.statements, reply.draft.acts, order):
        raise Misuse("bad-answer", "the node has drafted something else than was asked for", "draft")
    proof = signed(key, reply.hash, WORD)
    told = ask(config, ASK, AskOrder(draft=reply.draft, proof=proof, proposal=order.proposal))
    show(told, as_json=json, text=_waits(told.draft))
    return Unavailable.exit_code


def _is_asked(asked: tuple[PlainStatement, ...], drafted: object, order: DraftOrder) -> bool:
    """Whether a draft has the acts that were asked for; what of them only the node knows (a file's roots) aside."""
    from armslength.approvals.drafts import Act

    given = tuple(Act(name=each.type, body=each.body) for each in asked)
    names = tuple(each.name for each in given)
    if order.proposal is not None or set(names) == {"publish"}:
        return isinstance(drafted, tuple) and all(each.name in {"propose", "publish"} for each in drafted)
    return given == drafted


def _waits(draft: ListedDraft) -> str:
    from armslength.views.words import safe

    return safe(f"{about(draft)}\n  draft {draft.hash}: another official's word, "
                f"`armslength approvals approve {draft.hash[:12]} --key FILE`")  # fmt: skip


def about(draft: ListedDraft) -> str:
    """A draft in a line: what, where it stands, and whom it waits for."""
    from armslength.views.words import iso, listing

    where = f" in {draft.title or draft.draft.arrangement[:12]}" if draft.draft.arrangement else ""
    what = f"{draft.draft.act}{where}"
    if draft.state == "ENDED":
        return f"{what}: ended, {draft.why}{f' ({draft.reason})' if draft.reason else ''}"
    if draft.state == "DONE" or draft.needs is None:
        return f"{what}: done, approved by {listing(draft.approved) if draft.approved else 'nobody'}"
    if draft.state == "APPROVED":
        until = f", until {iso(draft.draft.until)}" if draft.draft.until else ""
        return f"{what}: approved by {listing(draft.approved)}{until}"
    left = draft.left
    so_far = listing(draft.approved) if draft.approved else "nobody"
    needed = (
        f"{draft.needs.count} needed, {so_far} so far; of {listing(left)}" if left else f"{draft.needs.count} needed"
    )
    return f"{what}: waits for approval ({needed}), until {iso(draft.draft.lapses)}"
