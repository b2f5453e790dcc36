"""What people are told, in words: the one catalogue, ready for translation.

What a translator needs is here: whole sentences with named fields. What is asked, and why something changed, is said by
`views` in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from armslength.core.arrangement.state import Change
from armslength.core.arrangement.tables import (
    BAD,
    AllegationAnswer,
    AllegationOutcome,
    AuthorState,
    DutyStatus,
    PeriodValue,
    Phase,
    Stage,
)

ATTEST_PERIOD: Final = "Attest whether {claim} held in {period}."

# --- what has happened: by what changed, and how it shows then --------------------------------------------------------

_ARRANGEMENT: Final[Mapping[str, str]] = {
    Phase.SIGNED: "signed",
    Phase.EFFECTIVE: "begun",
    Phase.HELD: "held",
    Phase.SUSPENDED: "suspended",
    Phase.WINDING: "winding",
    Phase.COMPLETED: "ended",
    Phase.TERMINATED: "ended",
    Phase.LAPSED: "lapsed",
    AuthorState.EXCLUDED: "excluded",
}
_DUTY: Final[Mapping[str, str]] = {
    DutyStatus.OVERDUE: "overdue",
    DutyStatus.BREACHED: "breached",
    DutyStatus.CURED: "remedied",
    DutyStatus.REMEDIED: "remedied",
    DutyStatus.DISCHARGED: "discharged",
}
_TRANCHE: Final[Mapping[str, str]] = {
    Stage.READY: "ready",
    Stage.DELIVERED: "delivered",
    Stage.RELEASED: "released",
    Stage.SETTLED: "settled",
    Stage.DISPUTED: "disputed",
    Stage.WITHHELD: "withheld",
    Stage.FORFEITED: "forfeited",
}
_CLAIM: Final[Mapping[str, str]] = {PeriodValue.REFUTED: "refuted", PeriodValue.UNKNOWN: "unknown"}
_ALLEGATION: Final[Mapping[str, str]] = {
    AllegationOutcome.OPEN: "alleged",
    AllegationAnswer.ADMITTED: "answered",
    AllegationAnswer.DENIED: "answered",
    AllegationAnswer.UNANSWERED: "answered",
    AllegationOutcome.UPHELD: "decided",
    AllegationOutcome.DISMISSED: "decided",
}
_EVENTS: Final[Mapping[str, Mapping[str, str]]] = {
    "arrangement": _ARRANGEMENT,
    "duty": _DUTY,
    "tranche": _TRANCHE,
    "claim": _CLAIM,
    "allegation": _ALLEGATION,
}
_BACK: Final[Mapping[tuple[str, str], str]] = {
    (Phase.SUSPENDED, Phase.EFFECTIVE): "resumed",
    (Phase.HELD, Phase.EFFECTIVE): "unheld",
}

# Events that concern everybody named, whatever its part: the others are for parties and the keeper.
FOR_ALL: Final = frozenset(
    {"signed", "begun", "held", "suspended", "resumed", "winding", "ended", "lapsed", "excluded"}
)

# The subject of a message about one thing, by kind and event; "{title}" is the arrangement's, "{subject}" an object's.
SUBJECTS: Final[Mapping[str, str]] = {
    "asked": "{title}: {subject}: asked of you",
    "near": "{title}: {subject}: a deadline is near",
    "passed": "{title}: {subject}: a deadline has passed",
    "silence": "{title}: {subject}: nothing has been heard",
    "trouble": "Trouble at this node: {subject}",
    "happened": "{title}: {subject}: {event}",
}
WHOLE: Final = "the arrangement"
SEVERAL: Final = "{title}: {count} news"
DIGEST: Final = "{count} news of {titles} arrangements"
INVITATION: Final = "{title}: {subject}: by when"
CANCELLATION: Final = "{title}: {subject}: no longer asked"
TEST: Final = "A test by armslength"
TEST_TEXT: Final = "This is a test: whoever reads it is told of reminders and news of {name}."

EVENTS: Final[Mapping[str, str]] = {
    "signed": "signed by all",
    "begun": "in force",
    "held": "on hold",
    "unheld": "no hold runs any more",
    "suspended": "suspended",
    "resumed": "resumed",
    "winding": "winding up",
    "ended": "ended",
    "lapsed": "never came into force",
    "excluded": "somebody counts no more",
    "overdue": "overdue",
    "breached": "breached",
    "remedied": "made good",
    "discharged": "no longer owed",
    "ready": "its gate is open",
    "delivered": "delivered sealed",
    "released": "released",
    "settled": "received",
    "disputed": "disputed",
    "withheld": "held back",
    "forfeited": "forfeited",
    "refuted": "found not to have held",
    "unknown": "never verified in time",
    "alleged": "alleged",
    "answered": "answered",
    "decided": "decided",
}

# What an address is asked before anything else goes there.
CONFIRM_SUBJECT: Final = "Confirm reminders by armslength"
CONFIRM: Final = (
    "Somebody who holds the key of a monitor asked the node {name} to send reminders to this address.",
    "If that was you, confirm it here: {link}",
    "If it was not, do nothing: nothing else will come.",
)
CONFIRM_PAGE: Final = "Shall this node send reminders to the address at which you got this link?"
CONFIRMED: Final = "Reminders will come to this address. Each has a link that ends them."
STOP_PAGE: Final = "Shall this node send no more reminders to the address at which you got this link?"
STOPPED: Final = "No more reminders will come to this address."
NOWHERE: Final = "This link leads nowhere any more."
YES: Final = "Yes"
STOP: Final = "To get no more of these: {link}"

# --- sentences --------------------------------------------------------------------------------------------------------

CHANGED: Final = "{what}."
CHANGED_WHY: Final = "{what}: {cause}."
SILENT: Final = "{who} {verb} been asked since {since} and {verb} not spoken: {what}"
SILENT_NEVER: Final = "{who} {verb} been asked and {verb} not spoken: {what}"
HAS, HAVE = "has", "have"
STRANGERS: Final = "Proposals of {count} arrangements by strangers wait in the inbox."
FAILS: Final = "{what}{whom} fails since {since}: {reason}."
AT_WHOM: Final = " at {whom}"
MORE: Final = "{count} more changes are in the record: see `armslength record`."
BY: Final = "By {moment}."
WAS: Final = "It was due by {moment}."
PAUSED: Final = "Its clock is paused: the deadline is at this time at the latest, and moves when it runs again."
THEN: Final = "If nothing comes: {then}."
HOW_TO: Final = "To do it: {how}"
WHY: Final = "Why: armslength why {subject} -a {short}"
TERM_TEXT: Final = "{waits}: {then}."


def event(change: Change) -> str | None:
    """What a change is called; None for what is routine."""
    if change.before == change.after:
        return None
    if change.kind == "arrangement" and (change.before, change.after) in _BACK:
        return _BACK[change.before, change.after]
    if change.kind == "duty" and change.before in BAD and change.after == DutyStatus.ACTIVE:
        return "remedied"
    if (
        change.kind == "tranche"
        and change.before in {Stage.WITHHELD, Stage.DISPUTED}
        and change.after != Stage.FORFEITED
    ):
        return None if change.before == Stage.WITHHELD else "decided"
    return _EVENTS.get(change.kind, {}).get(change.after)
