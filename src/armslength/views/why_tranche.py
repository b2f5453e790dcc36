"""Why a tranche is locked, waiting, withheld, released or gone, and the same for its release duty."""

from __future__ import annotations

from armslength.core.arrangement import tables
from armslength.core.arrangement.state import TrancheState
from armslength.core.arrangement.tables import AllegationOutcome, DutyStatus, Phase, Stage
from armslength.core.arrangement.terms import release_duty
from armslength.views.asked import Question, Why, ended
from armslength.views.blocks import Block, unmet
from armslength.views.words import listing, meaning


def tranche(asked: Question, name: str) -> Why:
    """Explain a tranche."""
    held = asked.state.tranches[name]
    lead, waits = _stage(asked, name, held)
    over = _over(asked, name, held)
    if over:
        word = "open" if held.stage == Stage.LOCKED else "be released"
        said = [f"{asked.words.tranche(name)} can never {word} any more: {over[0].need}."]
        said += [f"And: {block.need}." for block in over[1:]]
        end = asked.words.moment(asked.terms.end)
        said.append(f"It is forfeited once the term is over ({end}) and its last periods are decided.")
        return asked.answer("tranche", name, held.shown, said, over)
    if held.shown != Stage.WITHHELD:
        said = [lead, *(f"Also: {asked.tell(block)}." for block in waits[1:]), *_broken(asked, name)]
        return asked.answer("tranche", name, held.shown, said, waits)
    reasons, blocks = withheld(asked, name)
    said = [
        f"{asked.words.tranche(name)} is withheld: {listing(reasons)}.",
        f"It was {held.stage} ({meaning(held.stage)}) and goes on from there once nothing withholds it.",
        *(f"Besides: {asked.tell(block)}." for block in waits if held.stage == Stage.LOCKED),
        *_broken(asked, name),
    ]
    return asked.answer("tranche", name, held.shown, said, (*blocks, *waits))


def _over(asked: Question, name: str, held: TrancheState) -> tuple[Block, ...]:
    """What can never come any more, without which the tranche is not released; empty while all may come."""
    if held.stage not in tables.UNRELEASED or asked.state.arrangement.phase != Phase.EFFECTIVE:
        return ()
    terms = asked.terms.tranches[name]
    gate = () if held.gate_at is not None else unmet(asked.terms, asked.state, terms.gate)
    found = (*gate, *unmet(asked.terms, asked.state, terms.continuous))
    return tuple(dict.fromkeys(block for block in found if block.final))


def release(asked: Question, name: str) -> Why:
    """Explain the release duty of a tranche."""
    duty, held = release_duty(name), asked.state.duties[release_duty(name)]
    provider = asked.words.actor(asked.terms.tranches[name].provider)
    since = "" if held.state == DutyStatus.PENDING else f", since {asked.words.moment(held.at)}"
    said = [f"{provider}'s duty to release {name} is {held.state}: {meaning(held.state)}{since}."]
    if held.due is not None and held.frozen_at is None and held.state in tables.DUE:
        said.append(f"Due: {asked.moment(held.due)}.")
    said += asked.stands(held) + _broken(asked, name)
    parent = tranche(asked, name)
    return asked.answer("duty", duty, held.state, [*said, parent.sentences[0]], parent.blocked_on)


def _broken(asked: Question, name: str) -> list[str]:
    """By what the duty to release a tranche was broken, and what its recipient may do; nothing while it is not."""
    held, tranche, terms = (
        asked.state.duties[release_duty(name)],
        asked.state.tranches[name],
        asked.terms.tranches[name],
    )
    if held.state != DutyStatus.BREACHED:
        return []
    provider, words = asked.words.actor(terms.provider), asked.words
    upheld = [
        n for n, a in asked.state.allegations.items() if (a.tranche, a.outcome) == (name, AllegationOutcome.UPHELD)
    ]
    if tranche.complaint == AllegationOutcome.UPHELD and (tranche.key_at or 0) <= (held.cure_due or 0):
        cause = f"the complaint about {name} was upheld"
    elif upheld:
        cause = f"allegation {upheld[0]} was upheld"
    elif tranche.stage == Stage.FORFEITED and held.at == tranche.at != (held.cure_due or 0) + asked.terms.grace:
        cause = "it was still overdue when the tranche was forfeited"
    else:
        late = tranche.released_at is not None and held.due is not None and tranche.released_at > held.due
        due = held.due if late or tranche.released_at is None else tranche.key_due
        what = "key" if tranche.released_at is not None and not late else "release"
        cause = f"no {what} came when due on {words.moment(due)}" if due is not None else f"no {what} came"
        if due is None:
            cause += f" by {words.moment(held.cure_due or 0)}, to cure it"
        elif held.cure_due not in {None, due}:
            cause += f", {'and no key' if late else 'nor'} by {words.moment(held.cure_due or 0)}, to cure it"
    said = [f"{provider} broke the duty to release {name}: {cause}."]
    if asked.state.arrangement.phase == Phase.EFFECTIVE and asked.now < asked.terms.end:
        said.append(f"{words.actor(terms.recipient)} may withdraw at once, without notice.")
    return said


def withheld(asked: Question, name: str) -> tuple[tuple[str, ...], tuple[Block, ...]]:
    """Why a tranche is withheld: the reasons in words, and what each waits for."""
    said: list[str] = []
    blocks: list[Block] = []
    for reason in asked.state.tranches[name].withheld:
        more, waits = _reason(asked, name, reason)
        said += more
        blocks += waits
    return tuple(dict.fromkeys(said)), tuple(dict.fromkeys(blocks))


def _reason(asked: Question, name: str, reason: str) -> tuple[list[str], list[Block]]:
    words, terms, state = asked.words, asked.terms, asked.state
    determiners = terms.allegations.determiners.of
    suspension = state.arrangement.suspension
    if reason == "held":
        holds = {n: a.raised_at + terms.allegations.hold for n, a in state.allegations.items() if a.holding}
        said = [
            f"allegation {n} put the arrangement on hold, until {words.moment(end)} at most" for n, end in holds.items()
        ]
        waits = []
        for n, end in holds.items():
            is_open = state.allegations[n].open
            need = f"{'a determination' if is_open else 'a cure'}, or the hold's limit"
            who = determiners if is_open else ()
            waits.append(Block(kind="allegation", subject=n, need=need, who=who, until=end))
        return said, waits
    if reason == "suspended" and suspension:
        over = listing(words.duty(d) for d in suspension.duties)
        said = [f"the arrangement is suspended since {words.moment(suspension.since)}, by the breach of {over}"]
        return said, [Block(kind="arrangement", subject="arrangement", need="remedy and agreement to resume")]
    if reason == "condition":
        found = list(unmet(terms, state, terms.tranches[name].continuous))
        return [block.need for block in found], found
    if reason == "complaint":
        others = [n for n, t in state.tranches.items() if t.contested]
        need = "a determination of the complaint"
        blocks = [Block(kind="tranche", subject=n, need=need, who=determiners) for n in others]
        return [f"the complaint about {listing(others)} has not been determined"], blocks
    return [reason], []


def _stage(asked: Question, name: str, held: TrancheState) -> tuple[str, tuple[Block, ...]]:
    """The short answer for a stage, and what the stage waits for."""
    label, since = asked.words.tranche(name), asked.words.moment(held.at)
    match held.stage:
        case Stage.LOCKED:
            waits = _gate(asked, name, held)
            return f"{label} is locked: {asked.tell(waits[0]) if waits else 'it opens at the next step'}.", waits
        case Stage.READY:
            wait = _ready(asked, name, held)
            return f"{label} is ready since {since}: {asked.tell(wait)}.", (wait,)
        case Stage.DELIVERED:
            wait = _delivered(asked, name)
            return f"{label} is delivered under seal since {since}: {asked.tell(wait)}.", (wait,)
        case Stage.RELEASED:
            wait = _released(asked, name, held)
            return f"{label} is released for good since {since}: {asked.tell(wait)}.", (wait,)
        case Stage.DISPUTED:
            complainant = asked.words.actor(asked.terms.tranches[name].recipient)
            complained = asked.words.moment(held.disputed_at or held.at)
            if not held.contested:
                return f"{complainant} complained about {label} on {complained}, and the complaint was upheld.", ()
            until = (held.disputed_at or held.at) + asked.terms.allegations.determination
            wait = asked.vote("tranche", name, held.votes, until)
            return f"{complainant} complains about {label} since {complained}: {asked.tell(wait)}.", (wait,)
        case Stage.SETTLED:
            return f"{label} was received on {since}.", ()
        case _:
            return f"{label} will not be released: it was forfeited on {since}, {ended(asked)}.", ()


def _gate(asked: Question, name: str, held: TrancheState) -> tuple[Block, ...]:
    terms = asked.terms.tranches[name]
    found = () if held.gate_at is not None else unmet(asked.terms, asked.state, terms.gate)
    if held.commit is None:
        need = f"{asked.words.actor(terms.provider)} has not pinned its content yet"
        found += (Block(kind="tranche", subject=name, need=need, who=(terms.provider,)),)
    return found


def _ready(asked: Question, name: str, held: TrancheState) -> Block:
    terms = asked.terms.tranches[name]
    need = f"{asked.words.actor(terms.recipient)} has yet to fetch the sealed data and confirm that it arrived"
    until = held.gate_at + terms.deliver_by if held.gate_at is not None else None
    return Block(kind="tranche", subject=name, need=need, who=(terms.recipient,), until=until)


def _delivered(asked: Question, name: str) -> Block:
    terms = asked.terms.tranches[name]
    recipient, provider = asked.words.actor(terms.recipient), asked.words.actor(terms.provider)
    need = f"the sealed data is with {recipient}, and {provider} has yet to release it"
    duty = asked.state.duties[release_duty(name)]
    until = duty.due if duty.frozen_at is None else None
    return Block(kind="tranche", subject=name, need=need, who=(terms.provider,), until=until)


def _released(asked: Question, name: str, held: TrancheState) -> Block:
    terms = asked.terms.tranches[name]
    if held.key_at is not None:
        need = f"{asked.words.actor(terms.recipient)} has yet to confirm the content, or to complain"
        return Block(kind="tranche", subject=name, need=need, who=(terms.recipient,), until=held.key_at + terms.ack_by)
    if held.key_due is None:
        need = "a seal must cover the release before the key may leave"
        return Block(kind="tranche", subject=name, need=need, who=(asked.terms.keeper,))
    need = f"{asked.words.actor(terms.provider)} has yet to hand over the key"
    return Block(kind="tranche", subject=name, need=need, who=(terms.provider,), until=held.key_due)
