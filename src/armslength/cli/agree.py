"""`propose`, `counter`, `inbox`, `sign`, `accept`, `decline`: how terms come to bind, or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from armslength.cli.context import AsJson, NodeFolder, ask, show
from armslength.cli.officials import NOBODY, Asking, ask_for
from armslength.cli.say import statements
from armslength.cli.terms import sound_file
from armslength.config import load
from armslength.core.arrangement.bodies import Sign
from armslength.errors import DONE, ArmslengthError, Misuse, Refused, Unavailable

if TYPE_CHECKING:
    from armslength.report.differences import Difference
    from armslength.wire.manage import ActorReply, ArrangementSummary, ListedProposal, ProposalResult
    from armslength.wire.own import Proposal
    from armslength.wire.terms import Compiled

Note = Annotated[str, Parameter(help="A note to the others; it is not part of the terms.")]


def propose(
    file: Path, /, *, note: Note = "", asking: Asking = NOBODY, node: NodeFolder = Path(), json: AsJson = False
) -> int:
    """Send terms to everyone they name who runs a node.

    Parameters
    ----------
    file
        The terms, in YAML. Nothing is sent unless they compile and `armslength check` finds no errors in them.
    """
    compiled = sound_file(file)
    if asking.official is not None:
        return _asked_for(node, compiled, None, note, asking, json=json)
    answer = _send(node, compiled, None, note)
    show(answer, as_json=json, text=_told(answer, compiled))
    return _code(answer)


@dataclass(frozen=True, slots=True)
class CounterResult:
    """What `counter --json` prints: what `propose` does, and what the terms change."""

    arrangement: str
    answers: dict[str, ActorReply]
    differences: tuple[Difference, ...]


def counter(
    file: Path, /, *, to: Annotated[str, Parameter(name="--to")] = "", note: Note = "",
    asking: Asking = NOBODY, node: NodeFolder = Path(), json: AsJson = False,
) -> int:  # fmt: skip
    """Answer proposed terms with others, and show what they would change.

    Parameters
    ----------
    file
        The other terms, in YAML.
    to
        Hash of the terms that they would replace, or a prefix of it; needed only where there are several.
    """
    from armslength.core.canonical import digest
    from armslength.report.differences import differences
    from armslength.views.words import count, safe
    from armslength.wire.manage import TERMS, WhichArrangement
    from armslength.wire.terms_json import decode_terms, encode_terms

    compiled = sound_file(file)
    old = ask(load(node), TERMS, WhichArrangement(arrangement=to))
    if digest(encode_terms(compiled.terms)) == old.arrangement:
        raise Misuse("same-terms", "these terms are identical to the proposed ones; sign them instead", str(file))
    before = decode_terms(old.document.encode())
    changes = differences(before, compiled.terms, old.texts, compiled.texts)
    if asking.official is not None:
        return _asked_for(node, compiled, old.arrangement, note, asking, json=json)
    answer = _send(node, compiled, old.arrangement, note)
    lines = [safe(f"  {change.sentence}") for change in changes]
    text = "\n".join([_told(answer, compiled), f"{count(len(changes), 'difference')}:", *lines])
    show(CounterResult(answer.arrangement, answer.answers, tuple(changes)), as_json=json, text=text)
    return _code(answer)


def inbox(*, node: NodeFolder = Path(), json: AsJson = False) -> int:
    """List the terms that others have proposed and that wait for your decision: nothing else happens to them."""
    from armslength.wire.manage import INBOX, InboxRequest

    waiting = ask(load(node), INBOX, InboxRequest()).proposals
    show(waiting, as_json=json, text="" if json else _listed(waiting))
    return DONE


def _listed(proposals: Sequence[ListedProposal]) -> str:
    from armslength.views.words import iso, safe

    if not proposals:
        return "Nothing waits for you."
    lines = []
    for each in proposals:
        by = ", ".join(f"{who} ({party or 'no party of these terms'})" for who, party in each.by.items())
        lines.append(f"{each.arrangement[:12]}  {each.title or 'cannot be read'}")
        lines.append(f"    proposed by {by}, since {iso(each.at)}, {each.size} bytes")
        lines += [f"    to replace {each.replaces[:12]}"] if each.replaces else []
        lines += [f"    with the word: {each.note}"] if each.note else []
        lines.append(f"    {_asked(each)}")
    return "\n".join(safe(line) for line in lines)


def _asked(each: ListedProposal) -> str:
    """What the terms ask of us, and what to do."""
    from armslength.views.words import listing

    name = each.arrangement[:12]
    no = f'`armslength decline {name} --reason "…"`'
    if each.fault:
        return f"{each.fault}: {no}"
    if "party" in each.roles:
        yes = f"`armslength sign {name}`, `armslength counter FILE --to {name}`"
        return f"asks you to sign as {each.me}: {yes} or {no}"
    if not each.roles:
        return f"names you as {each.me} and asks nothing of your node: {no}"
    offices = listing(role.replace("-", " ") for role in each.roles)
    return f"asks you, as {each.me}, to be {offices}: `armslength accept {name}` or {no}"


def sign(arrangement: str = "", /, *, asking: Asking = NOBODY, node: NodeFolder = Path(), json: AsJson = False) -> int:
    """Sign terms. All parties sign the same bytes; their SHA-256 names the arrangement for ever.

    Parameters
    ----------
    arrangement
        Hash of the terms, or a prefix of it; needed only where there are several.
    """
    try:
        return statements(node, arrangement, [Sign()], json=json, asking=asking)
    except ArmslengthError as error:
        from armslength.wire.manage import INBOX, LIST, InboxRequest, ListPage

        config = load(node)
        if error.code != "which-arrangement" or not config.address:
            raise
        held = ask(config, LIST, ListPage(arrangement=arrangement)).arrangements
        raise Choice(held, ask(config, INBOX, InboxRequest()).proposals, arrangement) from None


class Choice(Misuse):
    """Several terms could be meant: a line for each."""

    def __init__(self, held: Sequence[ArrangementSummary], waiting: Sequence[ListedProposal], begins: str) -> None:
        lines = tuple(_candidate(each, [*held, *waiting]) for each in held if each.arrangement.startswith(begins))
        lines += tuple(_offered(each) for each in waiting if each.arrangement.startswith(begins))
        self.closing = "say which, as in `armslength sign HASH`"
        super().__init__("which-arrangement", f"{self.closing}: {'; '.join(lines)}")
        self.problems = lines


def _candidate(each: ArrangementSummary, held: Sequence[ArrangementSummary | ListedProposal]) -> str:
    """Terms that could be signed, in a line."""
    from armslength.views.words import Words
    from armslength.wire.terms_json import decode_terms

    terms = decode_terms(each.document.encode())
    words = Words.of(terms)
    names = {actor.did: words.named(name) for name, actor in terms.actors.items()}
    facts = [each.state, f"proposed by {names.get(each.proposed_by, each.proposed_by)}"]
    facts += [f"to replace {each.replaces[:12]}"] if each.replaces else []
    facts += [f"answered by {other.arrangement[:12]}" for other in held if other.replaces == each.arrangement]
    facts += [f"signed by {words.names(each.signed)}" if each.signed else "signed by nobody"]
    return f"{each.arrangement[:12]}  {each.title}: {', '.join(facts)}"


def _offered(each: ListedProposal) -> str:
    """Terms that wait in the inbox, in a line."""
    facts = [f"proposed by {', '.join(party or who for who, party in each.by.items())}"]
    facts += [f"to replace {each.replaces[:12]}"] if each.replaces else []
    return f"{each.arrangement[:12]}  {each.title or 'cannot be read'}: waits for you, {', '.join(facts)}"


def accept(arrangement: str, /, *, asking: Asking = NOBODY, node: NodeFolder = Path(), json: AsJson = False) -> int:
    """Accept the role that proposed terms give your node: keeper, timekeeper, determiner, or monitor with a node.

    Parties do not accept: they sign. Until its keeper has accepted, nothing is placed; until enough timekeepers have,
    nothing is sealed.

    Parameters
    ----------
    arrangement
        Hash of the terms, or a prefix of it; `armslength inbox` lists what waits.
    """
    from armslength.views.words import listing, safe
    from armslength.wire.manage import ACCEPT, WhichArrangement

    if asking.official is not None:
        return _act(node, arrangement, ACCEPT.name, {}, asking, json=json)
    answer = ask(load(node), ACCEPT, WhichArrangement(arrangement=arrangement))
    offices = listing(role.replace("-", " ") for role in answer.roles)
    text = f"Accepted: {answer.me} is {offices} in {answer.title} ({answer.arrangement[:12]})."
    show(answer, as_json=json, text=safe(text))
    return DONE


def decline(
    arrangement: str, /, *,
    reason: Annotated[str, Parameter(help="Why; the others are told.")] = "",
    asking: Asking = NOBODY, node: NodeFolder = Path(), json: AsJson = False,
) -> int:  # fmt: skip
    """Decline terms that you have not signed or accepted. The others are told; the same terms are not stored again.

    Parameters
    ----------
    arrangement
        Hash of the terms, or a prefix of it.
    """
    from armslength.views.words import safe
    from armslength.wire.manage import DECLINE, DeclineOrder

    if asking.official is not None:
        return _act(node, arrangement, DECLINE.name, {"reason": reason}, asking, json=json)
    answer = ask(load(node), DECLINE, DeclineOrder(arrangement=arrangement, reason=reason))
    title = answer.title or "terms that cannot be read"
    show(answer, as_json=json, text=safe(f"Declined {answer.arrangement[:12]} ({title})."))
    return DONE


def _send(node: Path, compiled: Compiled, replaces: str | None, note: str) -> ProposalResult:
    from armslength.wire.manage import PROPOSE

    return ask(load(node), PROPOSE, _proposal(compiled, replaces, note))


def _proposal(compiled: Compiled, replaces: str | None, note: str) -> Proposal:
    from armslength.wire.own import Proposal
    from armslength.wire.terms_json import encode_terms

    document, texts = encode_terms(compiled.terms).decode(), dict(compiled.texts)
    return Proposal(document=document, texts=texts, replaces=replaces, note=note)


def _asked_for(node: Path, compiled: Compiled, replaces: str | None, note: str, asking: Asking, *, json: bool) -> int:
    """As an official, ask that terms are proposed."""
    from armslength.wire.manage import Asker, DraftOrder

    order = DraftOrder(statements=(), proposal=_proposal(compiled, replaces, note), asker=Asker())
    return ask_for(load(node), order, asking, json=json)


def _act(node: Path, arrangement: str, name: str, body: dict[str, str], asking: Asking, *, json: bool) -> int:
    """As an official, ask for an act that is no statement."""
    from armslength.wire.manage import Asker, DraftOrder, PlainStatement

    act = PlainStatement(type=name, body=dict(body))
    return ask_for(load(node), DraftOrder(arrangement=arrangement, statements=(act,), asker=Asker()), asking, json=json)


def _code(answer: ProposalResult) -> int:
    """That of what is unavailable, if the terms are sent again to somebody who was not reached; that of a refusal, if
    somebody has declined or refused them."""
    found = {each.answer for each in answer.answers.values()}
    if found & {"declined", "refused"}:
        return Refused.exit_code
    return Unavailable.exit_code if found & {"unreached", "unknown"} else DONE


def _told(answer: ProposalResult, compiled: Compiled) -> str:
    from armslength.views.consent import answer as heard
    from armslength.views.words import Words, safe

    words, lines = Words.of(compiled.terms), [f"Arrangement {answer.arrangement}"]
    lines += [safe(f"  {heard(words, who, said)}") for who, said in answer.answers.items()]
    return "\n".join(lines)
