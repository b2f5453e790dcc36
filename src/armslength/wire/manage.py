"""What the owner of a node asks of it over its socket, and what it answers: POST /{verb} with one JSON object each.

The verbs stand at the end, each with its messages. An arrangement is named by its hash or the beginning of it; "" means
the only one there is. Times are UNIX seconds. A field that a message does not have is refused, in questions and in
answers. What `--json` prints (docs/cli-json.md) has the same fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from armslength.approvals.drafts import Decision, DraftedAct, Proof
from armslength.approvals.ledger import Fulfilment
from armslength.approvals.policy import ApprovalPolicy, ApprovalRule, Login
from armslength.core.arrangement.bodies import BODIES, Body
from armslength.core.arrangement.state import State
from armslength.core.canonical import canonical, plain
from armslength.core.record.entry import TYPE_OF
from armslength.errors import Malformed
from armslength.wire.own import MAX_PROPOSAL, Proposal, Trouble
from armslength.wire.strict import check_size, convert, exact

Q = TypeVar("Q")
A = TypeVar("A")

SAID_BEFORE: Final = "said before"  # the note on a statement that stands already


# --- what is asked ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class WhichArrangement:
    """One arrangement."""

    arrangement: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhichTranche:
    """One tranche of an arrangement."""

    arrangement: str = ""
    tranche: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """The arrangements whose hash begins so, from `start` on."""

    arrangement: str = ""
    start: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamingPage:
    """The arrangements whose terms name this DID, from `start` on."""

    did: str
    start: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxRequest:
    """All that waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclineOrder:
    """Terms to decline; the others hear the reason."""

    arrangement: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainStatement:
    """A statement: the type of its entry, and its body as plain data."""

    type: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementsOrder:
    """Statements to sign and send. `events` are claims that were named without a period: nothing is signed unless they
    are events."""

    arrangement: str = ""
    statements: tuple[PlainStatement, ...]
    events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishOrder:
    """A file of this machine for a tranche. Its key does not leave before `release_after` (0: no such wish)."""

    arrangement: str = ""
    tranche: str
    file: str
    media_type: str
    release_after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockOrder:
    """Where to move the simulated clock."""

    to: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks for an act: the official with this key (base64), or with this login."""

    key: str = ""
    login: Login | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftOrder:
    """Acts that an official wants to ask for. Their types are those of entries; or accept, decline ({reason}), publish
    ({tranche}, of what is sealed for it), propose (with the `proposal`), policy (the whole policy), or with `until` a
    standing approval of release ({tranche}, or {} for all)."""

    arrangement: str = ""
    statements: tuple[PlainStatement, ...]
    events: tuple[str, ...] = ()
    proposal: Proposal | None = None
    asker: Asker
    why: str = ""
    until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskOrder:
    """A draft as it was answered, with the asker's proof of the word "ask"; and the proposal, where it is one."""

    draft: DraftedAct
    proof: Proof
    proposal: Proposal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalsRequest:
    """The drafts that wait, and standing approvals; `over`: those that are over too (of these the latest `most`, unless
    it is 0). With `draft` those alone whose hash begins so, over or not; with `arrangement` those in it."""

    over: bool = False
    most: int = 0
    draft: str = ""
    arrangement: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhichDraft:
    """A draft, by its hash."""

    draft: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyOrder:
    """The first policy, by the owner's word; without one, the question which is in force."""

    policy: ApprovalPolicy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesRequest:
    """Lines of the journal of approvals, from this number on."""

    start: int = 0


# --- what is answered -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrangementSummary:
    """An arrangement that this node is engaged in. `signed`: who has signed; `me`: who we are in it."""

    arrangement: str
    title: str
    state: str
    proposed_by: str
    replaces: str | None = None
    note: str
    signed: tuple[str, ...]
    me: str
    document: str
    texts: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrangementList:
    """A page of arrangements; `next` is where the next page starts (None: nowhere)."""

    arrangements: tuple[ArrangementSummary, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamingList:
    """A page of the hashes of arrangements; `next` is where the next page starts (None: nowhere)."""

    arrangements: tuple[str, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedProposal:
    """Proposed terms as their reader sees them. `by`: who has delivered them, by DID, and which party that is (None: no
    party). `me`, `roles`: who we are in them, and what they ask of us. `fault`: why they cannot be read."""

    arrangement: str
    title: str | None = None
    by: dict[str, str | None]
    me: str | None = None
    roles: tuple[str, ...]
    replaces: str | None = None
    note: str
    size: int
    at: int
    fault: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxList:
    """What waits for the owner, oldest first."""

    proposals: tuple[ListedProposal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTerms:
    """Terms as they were proposed."""

    arrangement: str
    document: str
    texts: dict[str, str]
    replaces: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorReply:
    """What one of the others says to terms, or why we do not know it (`engine.replies`)."""

    answer: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalResult:
    """What everyone with a node says who was reached, by actor."""

    arrangement: str
    answers: dict[str, ActorReply]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedOffices:
    """The offices that were accepted, and as whom."""

    arrangement: str
    title: str
    me: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclinedTerms:
    """What was declined; no title where it cannot be read."""

    arrangement: str
    title: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementResult:
    """What became of a statement: placed, pending (no answer yet) or refused. `note`: what else is to be said of it."""

    entry: str
    type: str
    status: str
    code: str | None = None
    reason: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementResults:
    """What became of statements, in order."""

    arrangement: str
    title: str
    said: tuple[StatementResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealingReport:
    """How far the sealing of a file is, in bytes; what was sealed once it is `over`."""

    arrangement: str
    over: bool
    done: int
    total: int
    size: int | None = None
    plain_root: str | None = None
    cipher_root: str | None = None
    release_after: int | None = None
    release_by: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchReport:
    """How far a tranche is that we receive: its state, where the opened file lies, what we have answered ("ok", or the
    hash of the evidence of a complaint), how many bytes of ciphertext are here, and what is in the way."""

    stage: str
    plain: str | None = None
    outcome: str | None = None
    done: int
    total: int
    trouble: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspender:
    """Who has suspended a transfer, and so resumes it, and why in its own words."""

    by: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeView:
    """An arrangement as a node sees it, and what only a node knows of it.

    `state` is that after all `size` leaves in view, `sealed_state` after the first `sealed`, `ahead` once what the
    owner has said and nobody has placed is placed (None: it is `state`). `heard` says when each timekeeper's last
    cosignature came, and how far its clock was behind; `sealing` gives bytes done and in all by tranche; `absent` who
    is not engaged; `others` a few of the other arrangements, with titles, and `arrangements` how many there are in all.
    """

    arrangement: str
    document: str
    state: State
    sealed_state: State
    state_root: str
    tree_root: str
    size: int
    sealed: int
    now: int
    heard: dict[str, tuple[int, int]]
    transfers: dict[str, str]
    suspended: dict[str, Suspender]
    sealing: dict[str, tuple[int, int]]
    troubles: tuple[Trouble, ...]
    me: str
    absent: dict[str, ActorReply]
    others: dict[str, str]
    arrangements: int
    ahead: State | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedRecord:
    """The sealed leaves as text lines, with everything that is needed to fold them."""

    document: str
    texts: dict[str, str]
    leaves: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestReport:
    """What is still going on at the nodes of an arrangement, in words (None: nothing), how many leaves are sealed, and
    the arrangement's state."""

    pending: str | None = None
    sealed: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFiles:
    """The files of a bundle by their paths."""

    arrangement: str
    files: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockTime:
    """The simulated time."""

    now: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftReply:
    """A draft to be signed; nothing is kept of it yet."""

    draft: DraftedAct
    hash: str
    title: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedDraft:
    """A draft, where it stands, whom it needs by the policy under which it was asked for, and who has said what.
    `left`: whose approval it still waits for, any of these. `refused`: why officials of the policy in force could not
    approve it now, by their ids, where one draft is asked for. `used`: what was done on a standing approval. `why`,
    `reason`: of one that has ended."""

    hash: str
    state: str
    draft: DraftedAct
    title: str | None = None
    needs: ApprovalRule | None = None
    approved: tuple[str, ...]
    objected: tuple[str, ...]
    left: tuple[str, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)
    used: tuple[Fulfilment, ...] = ()
    why: str
    reason: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftResult:
    """What became of a draft by a word about it; `said`: of its statements, if they were made."""

    draft: ListedDraft
    said: tuple[StatementResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalsView:
    """The policy in force, where the journal ends, and drafts, oldest first. `policies`: by hash, those under which
    these were asked for: an official's id is that policy's."""

    policy: ApprovalPolicy
    policies: dict[str, ApprovalPolicy] = field(default_factory=dict)
    lines: int
    head: str
    drafts: tuple[ListedDraft, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesPage:
    """Lines of the journal, each as canonical JSON; `who`: the name of whoever says each, "" for the node itself;
    `next` is where the next page starts (None: nowhere)."""

    lines: tuple[str, ...]
    who: tuple[str, ...] = ()
    next: int | None = None


# --- the verbs --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verb(Generic[Q, A]):
    """One thing that can be asked: its name, what is asked, and what is answered."""

    name: str
    asked: type[Q]
    answered: type[A]


LIST: Final = Verb("list", ListPage, ArrangementList)
NAMING: Final = Verb("naming", NamingPage, NamingList)
INBOX: Final = Verb("inbox", InboxRequest, InboxList)
TERMS: Final = Verb("terms", WhichArrangement, ShownTerms)
PROPOSE: Final = Verb("propose", Proposal, ProposalResult)
ACCEPT: Final = Verb("accept", WhichArrangement, AcceptedOffices)
DECLINE: Final = Verb("decline", DeclineOrder, DeclinedTerms)
SAY: Final = Verb("say", StatementsOrder, StatementResults)
PUBLISH: Final = Verb("publish", PublishOrder, SealingReport)
PUBLISHING: Final = Verb("publishing", WhichTranche, SealingReport)
FETCH: Final = Verb("fetch", WhichTranche, FetchReport)
VIEW: Final = Verb("view", WhichArrangement, NodeView)
RECORD: Final = Verb("record", WhichArrangement, SealedRecord)
REST: Final = Verb("rest", WhichArrangement, RestReport)
EXPORT: Final = Verb("export", WhichArrangement, BundleFiles)
APPROVALS: Final = Verb("approvals", ApprovalsRequest, ApprovalsView)
DRAFT: Final = Verb("draft", DraftOrder, DraftReply)
ASK: Final = Verb("ask", AskOrder, DraftResult)
DECIDE: Final = Verb("decide", Decision, DraftResult)
POLICY: Final = Verb("policy", PolicyOrder, ApprovalsView)
DRAFTED: Final = Verb("drafted", WhichDraft, ShownTerms)
LINES: Final = Verb("lines", LinesRequest, LinesPage)
CLOCK: Final = Verb("clock", ClockOrder, ClockTime)


def encode_message(message: object) -> bytes:
    """A question or an answer as it travels."""
    return canonical(message, whole=True)


def decode_question(verb: Verb[Q, A], data: bytes) -> Q:
    """What is asked of a verb. Raises Malformed naming the place, for a field too many as well."""
    check_size(data, MAX_PROPOSAL)
    return exact(verb.asked, data)


def decode_answer(verb: Verb[Q, A], data: bytes) -> A:
    """What is answered. Raises Malformed naming the place, for a field too many as well."""
    return exact(verb.answered, data)


def statements(bodies: Sequence[Body]) -> tuple[PlainStatement, ...]:
    """These bodies as they are asked for."""
    return tuple(PlainStatement(type=TYPE_OF[type(body)], body=plain(body)) for body in bodies)


def bodies_of(order: StatementsOrder) -> list[Body]:
    """The bodies of the statements. Raises Malformed naming the place."""
    found = []
    for position, each in enumerate(order.statements):
        kind = BODIES.get(each.type)
        if kind is None:
            raise Malformed("unknown-type", "no statement of this type", f"statements[{position}].type")
        found.append(convert(kind, each.body, f"statements[{position}].body"))
    return found
