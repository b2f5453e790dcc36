"""Why something changed, in words: the one catalogue, by rule, from which every cause is told.

A rule has one wording, or several: the first of which all fields are known is taken. What a translator needs is here:
whole sentences with named fields, and two forms where the verb follows how many they are.

    {author}   who made the entry             {who}     those whose word decides, or is missing
    {others}   other objects, each by STANDING
    {alleged}  what an allegation is about    {shown}   the claim that shows a duty
    {claim}    a claim, and of its periods {periods} "days 21 to 22", {last} "day 22", {run} "2 clean days",
               {part} "1 of 7 days"
    {entry} {report} {due} {cure} {release} {key} {ack} {delivery} {reply} {determination} {hold} {suspension} {term}
               deadlines, by what they are for
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Final, assert_never

from armslength.core.arrangement.causes import Actors, Passed, Periods, Standing
from armslength.core.arrangement.state import Change
from armslength.views.words import Words, count

STANDING: Final = "{object} is {state}"
FALSE: Final = "its condition does not hold"
DAY: Final = "{unit} {first}"
DAYS: Final = "{unit}s {first} to {last}"
RUN: Final = "clean {unit}"
PART: Final = "{number} of {total}"
ALLEGATION: Final = "the allegation of {author} about {alleged}"


@dataclass(frozen=True, slots=True)
class Plural:
    """Two forms: `one` where {who} is one actor, `other` where they are several."""

    one: str
    other: str


_NOBODY_WITHDRAWS: Final = "the arrangement winds down, and nobody withdraws out of a breach"
_TRIGGERED: Final = ("its trigger holds",)
_EXPIRED: Final = ("the term ended {term}", "{others}", "its trigger can no longer hold")
_WAIVED: Final = ("waived by {who}",)
_DISCHARGED: Final = ("the arrangement winds down",)
_CLEAN: Final = ("{claim} is clean on {periods}",)
_BROKEN: Final = (
    "{others} within the cure window ({periods})",
    "{others}, and there is no cure window",
    "the term ended {term}, within the cure window",
    _NOBODY_WITHDRAWS,
)
_REMEDIED: Final = ("{run} of {claim}, the last of them {last}",)
_OTHERS: Final = ("{others}",)
_DISMISSED: Final = Plural("{who} dismisses it", "{who} dismiss it")
_AGREED: Final = (Plural("{who} agrees, and nothing is left to remedy", "{who} agree, and nothing is left to remedy"),)
_LOCKED_AGAIN: Final = ("no reason to withhold is left",)

WORDINGS: Final[Mapping[str, tuple[str | Plural, ...]]] = {
    "arrangement.signed": ("signed by {who}",),
    "arrangement.lapsed": ("not signed by {who} until {entry}",),
    "arrangement.entered": ("all have signed and the start has come",),
    "arrangement.held": ("a hold runs",),
    "arrangement.unheld": ("no hold runs any more",),
    "arrangement.suspended": _OTHERS,
    "arrangement.resumed": _AGREED,
    "arrangement.resumed-held": _AGREED,
    "arrangement.withdrawn": ("the notice of {who} has ended",),
    "arrangement.unresumed": ("not resumed by {suspension}", "the term ended {term}, while SUSPENDED"),
    "arrangement.completed": ("the term is over and all is final",),
    "arrangement.terminated": ("no tranche is owed",),
    "claim.supported": (Plural("{who} says that it held", "{who} say that it held"),),
    "claim.refuted": (Plural("{who} says that it did not hold", "{who} say that it did not hold"),),
    "claim.excused": ("a notice was in time, and {others}",),
    "claim.upheld": _OTHERS,
    "claim.waited": (
        Plural(
            "{who} says that it did not hold, and the excuse was not decided by {report}",
            "{who} say that it did not hold, and the excuse was not decided by {report}",
        ),
        Plural(
            "{who} says that it did not hold, and the excuse is not supported",
            "{who} say that it did not hold, and the excuse is not supported",
        ),
    ),
    "claim.unknown": ("no quorum by {report}",),
    "duty.triggered": _TRIGGERED,
    "duty.expired": _EXPIRED,
    "duty.fulfilled": ("{others} in time",),
    "duty.overdue": ("{shown} was not SUPPORTED when due, {due}",),
    "duty.cured": ("{others} in time",),
    "duty.breached": ("{shown} was not SUPPORTED when to be cured, {cure}",),
    "duty.remedied": ("{others} at last",),
    "duty.excused": ("{others} in time",),
    "duty.waived": _WAIVED,
    "duty.abandoned": (_NOBODY_WITHDRAWS,),
    "duty.discharged": _DISCHARGED,
    "maintain.triggered": _TRIGGERED,
    "maintain.expired": _EXPIRED,
    "maintain.violated": _OTHERS,
    "maintain.cured": _CLEAN,
    "maintain.breached": _BROKEN,
    "maintain.remedied": _REMEDIED,
    "maintain.reopened": _OTHERS,
    "maintain.fulfilled": ("all periods are decided, clean or cured",),
    "maintain.concluded": ("all periods are decided, and its breach is remedied",),
    "maintain.unverified": ("{part} are UNKNOWN",),
    "maintain.waived": _WAIVED,
    "maintain.discharged": _DISCHARGED,
    "instance.opened": _OTHERS,
    "instance.joined": _OTHERS,
    "instance.joined-breach": _OTHERS,
    "instance.reopened": _OTHERS,
    "instance.cured": _CLEAN,
    "instance.breached": _BROKEN,
    "instance.cut": _BROKEN,
    "instance.abandoned": _BROKEN,
    "instance.remedied": _REMEDIED,
    "release.delivered": ("the recipient holds the ciphertext",),
    "release.fulfilled": ("release and key came in time, and the tranche is SETTLED",),
    "release.overdue": ("no release when due, {release}", "no key when due, {key}"),
    "release.cured": ("the key came within the cure, and the tranche is SETTLED",),
    "release.breached": ("no release when to be cured, {release}", "no key when to be cured, {key}"),
    "release.upheld": (
        Plural("{others}, and {who} upholds the complaint", "{others}, and {who} uphold the complaint"),
        "the complaint was not determined by {determination}, and so it is UPHELD by default",
        "{others}",
    ),
    "release.waived": _WAIVED,
    "release.abandoned": ("its tranche is FORFEITED",),
    "release.discharged": ("its tranche is FORFEITED",),
    "tranche.ready": ("its gate holds and its content is committed",),
    "tranche.delivered": ("{author} holds the ciphertext",),
    "tranche.released": ("{author} releases",),
    "tranche.settled": ("{author} acknowledges the plaintext",),
    "tranche.silent": ("no answer to the key by {ack}",),
    "tranche.disputed": ("{author} complains",),
    "tranche.dismissed": (
        _DISMISSED,
        "the complaint was not determined by {determination}, and so it is DISMISSED by default",
    ),
    "tranche.withheld": _OTHERS,
    "tranche.back-locked": _LOCKED_AGAIN,
    "tranche.back-ready": _LOCKED_AGAIN,
    "tranche.back-delivered": _LOCKED_AGAIN,
    "tranche.forfeited": ("the term ended {term}", "not DELIVERED by {delivery}", "{others}"),
    "allegation.raised": ("{author} alleges {alleged}, with a hold until {hold}", "{author} alleges {alleged}"),
    "allegation.refuted": _OTHERS,
    "allegation.admitted": ("{author} admits it",),
    "allegation.upheld": (Plural("{who} upholds it", "{who} uphold it"),),
    "allegation.clean": _OTHERS,
    "allegation.dismissed": (_DISMISSED,),
    "allegation.timeout": ("not determined by {determination}",),
    "answer.admitted": ("{author} admits",),
    "answer.denied": ("{author} denies",),
    "answer.unanswered": ("no answer by {reply}",),
    "evidence.excluded": ("two different entries with one number",),
    "clock.frozen": ("{others}, and {who} is not in breach", "{others}"),
    "clock.thawed": ("the deadline is {due}",),
}


def cause(words: Words, change: Change) -> str:
    """Why it changed."""
    known = _fields(words, change)
    one = sum(len(ground.names) for ground in change.cause if isinstance(ground, Actors)) == 1
    forms = [(said.one if one else said.other) if isinstance(said, Plural) else said for said in WORDINGS[change.rule]]
    return next(said for said in forms if fields(said) <= known.keys()).format_map(known)


def fields(wording: str) -> set[str]:
    """The fields of a wording."""
    return {name for _, name, _, _ in Formatter().parse(wording) if name}


def _fields(words: Words, change: Change) -> dict[str, str]:
    """What is known of a change, by field."""
    known: dict[str, str] = {}
    if change.author is not None:
        known["author"] = words.names([change.author])
    if change.kind == "allegation":
        known["alleged"] = _alleged(words, change.subject)
    if change.subject in words.terms.duties:
        known["shown"] = words.terms.duties[change.subject].claim
    others = []
    for ground in change.cause:
        match ground:
            case Actors():
                known["who"] = words.names(ground.names)
            case Passed():
                known[ground.of] = words.moment(ground.at)
            case Standing():
                others.append(_standing(words, ground))
            case Periods():
                known |= _periods(words, ground)
            case _:
                assert_never(ground)
    return known | ({"others": "; ".join(others)} if others else {})


def _standing(words: Words, found: Standing) -> str:
    if found.kind == "condition":
        return FALSE
    named = words.subject(found.kind, found.subject)
    if found.kind == "allegation":
        author = words.names([found.subject.partition("/")[0]])
        named = ALLEGATION.format(author=author, alleged=_alleged(words, found.subject))
    return STANDING.format(object=named, state=found.state)


def _alleged(words: Words, allegation: str) -> str:
    """What an allegation is about: `k2 day 7`, `T2`."""
    _, *about = allegation.split("/")
    return words.subject("claim", "#".join(about)) if len(about) == 2 else words.subject("tranche", about[0])


def _periods(words: Words, found: Periods) -> dict[str, str]:
    unit = words.unit(words.terms.claims[found.claim])
    total = found.last - found.first + 1
    form = DAY if found.first == found.last else DAYS
    known = {
        "claim": found.claim,
        "periods": form.format(unit=unit, first=found.first, last=found.last),
        "last": DAY.format(unit=unit, first=found.last),
        "run": count(total, RUN.format(unit=unit)),
    }
    part = {"part": PART.format(number=found.number, total=count(total, unit))} if found.number is not None else {}
    return known | part
