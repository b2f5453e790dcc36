"""The sentences of a script: who says what. Each verb has its grammar in one place, read and written."""

from __future__ import annotations

import base64
import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from armslength.core.arrangement.bodies import (
    Ack,
    Allege,
    Attest,
    Body,
    Commit,
    Determine,
    Evidence,
    Key,
    Notice,
    Perform,
    Release,
    Respond,
    Resume,
    Sign,
    Waive,
    Withdraw,
)
from armslength.core.arrangement.tables import AllegationAnswer
from armslength.core.arrangement.terms import Arrangement
from armslength.core.canonical import digest
from armslength.wire.script_times import Anchors, read_time, write_time
from armslength.wire.terms_values import BadValue

MOST = 50_000  # statements of one sentence

_ID = r"[A-Za-z][A-Za-z0-9_-]*"
_NAMES = rf"{_ID}(?:\.\.{_ID})?"
WHO = re.compile(rf"(?P<who>{_NAMES}(?:(?:\s*,\s*|\s+and\s+){_NAMES})*)\s+(?P<rest>\S.*)")
_JOINT = re.compile(r"\s*,\s*|\s+and\s+")
_NUMBERED = re.compile(r"(?P<stem>.*?)(?P<number>0|[1-9][0-9]*)")
_SPOT = re.compile(rf"(?P<claim>{_ID})(?:#(?P<first>[0-9]{{1,6}})(?:(?:\.\.|-)(?P<last>[0-9]{{1,6}}))?)?")
ALLEGATION = re.compile(rf"(?P<by>{_ID})/(?P<subject>{_ID})(?:/(?P<period>[0-9]{{1,6}}))?")

# The acts of nodes: by what a script says of each, the type of the entry. A script that tells one, tells it for good.
PUBLISH, FETCH, RELEASE, KEY, CONFIRM, COMPLAIN = "publish", "fetch", "release", "hand over", "confirm", "complain"
OF_NODES = {
    PUBLISH: ("commit", "provider"),
    FETCH: ("cipher", "recipient"),
    RELEASE: ("release", "provider"),
    KEY: ("key", "provider"),
    CONFIRM: ("plain", "recipient"),
    COMPLAIN: ("plain", "recipient"),
}


@dataclass(frozen=True, slots=True)
class Said:
    """What one sentence comes to: a body by an author, or `never`: the act of a node that does not take place. `spot`
    is the period that an attestation is about."""

    author: str
    body: Body | None
    act: tuple[str, str] | None = None  # the act of a node that it is: type and tranche
    spot: tuple[str, int] | None = None
    corrects: bool = False
    culprit: str | None = None


class Grammar:
    """The sentences about one arrangement."""

    def __init__(self, terms: Arrangement, anchors: Anchors) -> None:
        self.terms = terms
        self.anchors = anchors

    # --- reading ------------------------------------------------------------------------------------------------------

    def read(self, text: str) -> list[Said]:
        """What a sentence says. Raises BadValue."""
        text = " ".join(text.split())
        found = WHO.fullmatch(text)
        if not found:
            raise BadValue(f'"{text}" does not say who does what', 'such as "m1, m2 attest k2#0..6 true"')
        never, rest = found["rest"].startswith("never "), found["rest"].removeprefix("never ")
        word, _, rest = rest.partition(" ")
        verb = _VERBS.get(word)
        if verb is None:
            close = difflib.get_close_matches(word, _VERBS, 1, 0.6)
            raise BadValue(f'"{word}" is no verb of a script', f"did you mean {close[0]}?" if close else _LIST)
        said = list(islice(verb(self, found["who"], rest.strip()), MOST + 1))
        if len(said) > MOST:
            raise BadValue(f"makes more than {MOST} statements: say it in several sentences")
        if not never:
            return said
        if any(each.act is None for each in said):
            nodes = "publish, fetch, release, hand over the key of, confirm"
            raise BadValue(f"never is said of what a node does by itself ({nodes}); who says nothing is in a silence")
        return [Said(each.author, None, each.act) for each in said]

    def actors(self, text: str, everybody: Iterable[str]) -> list[str]:
        """The actors of "m1, m2 and m5", "m1..m5", or "all" of those who could. Raises BadValue."""
        names: dict[str, None] = {}
        for part in _JOINT.split(text):
            if part == "all" and part not in self.terms.actors:
                names |= dict.fromkeys(everybody)
                continue
            first, dots, last = part.partition("..")
            names |= dict.fromkeys(self._counted(first, last) if dots else [self._actor(part)])
        return list(names)

    def _actor(self, name: str) -> str:
        if name in self.terms.actors:
            return name
        close = difflib.get_close_matches(name, self.terms.actors, 1, 0.6)
        known = f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(self.terms.actors))}"
        raise BadValue(f"the terms name no {name}", known)

    def _counted(self, first: str, last: str) -> Iterator[str]:
        one, other = _NUMBERED.fullmatch(first), _NUMBERED.fullmatch(last)
        if not one or not other or one["stem"] != other["stem"] or int(one["number"]) > int(other["number"]):
            raise BadValue(f"{first}..{last} does not count from one name to another, as m1..m5 does")
        if int(other["number"]) - int(one["number"]) >= len(self.terms.actors):
            raise BadValue(f"{first}..{last} are more than the terms name")
        for number in range(int(one["number"]), int(other["number"]) + 1):
            yield self._actor(f"{one['stem']}{number}")

    def spots(self, text: str) -> list[tuple[str, int]]:
        """The periods of "k1a, k1b, k2#0..6" (which are those of all three) or of "k5a", an event. Raises BadValue."""
        parts = []
        for part in _JOINT.split(text):
            found = _SPOT.fullmatch(part)
            if not found:
                raise BadValue(f'"{part}" is no claim, and no period of one', "such as k2#7, k2#0..6 or k5a")
            parts.append(found)
        out: list[tuple[str, int]] = []
        ahead: re.Match[str] | None = None
        for found in reversed(parts):
            claim = self.terms.claims.get(found["claim"])
            if claim is None:
                raise BadValue(f"the terms have no claim {found['claim']}", f"there are {self.known_claims()}")
            ahead = found if found["first"] is not None else ahead
            if claim.period is None and found["first"] not in {None, "0"}:
                raise BadValue(f"{found['claim']} is an event, and has no periods")
            if claim.period is None:
                numbers = range(1)
            elif ahead is None:
                raise BadValue(f"{found['claim']} has periods: say which, such as {found['claim']}#0..6")
            else:
                numbers = range(int(ahead["first"]), int(ahead["last"] or ahead["first"]) + 1)
            last = claim.periods(self.anchors.d, self.terms.end) - 1
            if not numbers or numbers[-1] > last:
                raise BadValue(f"{found['claim']} has the periods 0 to {last}")
            if len(out) + len(numbers) > MOST:
                raise BadValue(f"names more than {MOST} periods")
            out = [(found["claim"], number) for number in numbers] + out
        return out

    def end_of(self, claim: str, period: int) -> int:
        """When a period ends; the end of the term cuts the last one, and an event ends where it begins."""
        term = self.terms.claims[claim]
        begin = self.anchors.d + term.offset
        return begin if term.period is None else min(begin + (period + 1) * term.period, self.terms.end)

    def known_claims(self) -> str:
        """The claims that there are."""
        return ", ".join(sorted(self.terms.claims))

    def tranches(self, text: str) -> list[str]:
        """The tranches of "T1, T2". Raises BadValue."""
        return self._of(text, self.terms.tranches, "tranche")

    def duties(self, text: str) -> list[str]:
        """The duties of "C1.A, C5a"; "C1" alone means all its debtors'. Raises BadValue."""
        releases = {f"{name}.release" for name in self.terms.tranches}
        out: list[str] = []
        for part in _JOINT.split(text):
            shared = [name for name in self.terms.duties if name.startswith(f"{part}.")]
            out += shared or self._of(part, self.terms.duties.keys() | releases, "duty")
        return out

    def _of(self, text: str, known: Iterable[str], noun: str) -> list[str]:
        names = _JOINT.split(text)
        for name in names:
            if name not in known:
                raise BadValue(f"the terms have no {noun} {name}", f"there are {', '.join(sorted(known))}")
        return names

    def instant(self, text: str) -> int:
        """A time. Raises BadValue."""
        return read_time(text, self.anchors)

    # --- writing ------------------------------------------------------------------------------------------------------

    def write(self, author: str, body: Body) -> str:
        """The sentence that `read` reads back to this statement; empty for what nodes do by themselves."""
        match body:
            case Attest():
                spot = body.claim if self.terms.claims[body.claim].period is None else f"{body.claim}#{body.period}"
                return f"{author} attests {spot} {'true' if body.value else 'false'}"
            case Notice():
                begin, end = write_time(body.start, self.anchors), write_time(body.end, self.anchors)
                return f"{author} notifies {body.claim} from {begin} to {end}"
            case Allege():
                hold = " with hold" if body.hold else ""
                return f"{author} alleges {body.tranche or f'{body.claim}#{body.period}'}{hold}"
            case Respond():
                return (
                    f"{author} {'admits' if body.answer == AllegationAnswer.ADMITTED else 'denies'} {body.allegation}"
                )
            case Determine():
                return f"{author} {'upholds' if body.uphold else 'dismisses'} {body.allegation or body.tranche}"
            case Perform():
                return f"{author} performs {body.duty}"
            case Waive():
                return f"{author} waives {body.duty}"
            case Ack(ok=False):
                return f"{author} complains of {body.tranche}"
            case _:
                return f"{author} {_PLAIN[type(body)]}" if type(body) in _PLAIN else ""


_PLAIN: dict[type[Body], str] = {Sign: "signs", Resume: "resumes", Withdraw: "withdraws"}


# --- verbs ------------------------------------------------------------------------------------------------------------


def _nothing(rest: str, verb: str) -> None:
    if rest:
        raise BadValue(f'"{rest}" follows {verb}, after which nothing does')


def _sign(grammar: Grammar, who: str, rest: str) -> Iterator[Said]:
    _nothing(rest, "sign")
    for author in grammar.actors(who, grammar.terms.parties):
        yield Said(author, Sign())


def _attest(grammar: Grammar, who: str, rest: str) -> Iterator[Said]:
    what, _, value = rest.rpartition(" ")
    if value not in {"true", "false"}:
        raise BadValue("an attestation ends with true or false", 'such as "m1 attests k2#7 true"')
    for claim, period in grammar.spots(what):
        for author in grammar.actors(who, grammar.terms.claims[claim].monitors):
            yield Said(author, Attest(claim=claim, period=period, value=value == "true"), spot=(claim, period))


def _correct(grammar: Grammar, who: str, rest: str) -> Iterator[Said]:
    what, to, value = rest.rpartition(" to ")
    if not to or value not in {"true", "false"}:
        raise BadValue("a correction ends with to true or to false", 'such as "m1 corrects k2#7 to false"')
    for said in _attest(grammar, who, f"{what} {value}"):
        yield Said(said.author, said.body, spot=said.spot, corrects=True)


def _perform(grammar: Grammar, who: str, rest: str) -> Iterator[Said]:
    for duty in grammar.duties(rest):
        for author in grammar.actors(who, ()):
            yield Said(author, Perform(duty=duty))


def _waive(grammar: Grammar, who: str, rest: str) -> Iterator[Said]:
    for duty in grammar.duties(rest):
        creditors = grammar.terms.duties[duty].creditors if duty in grammar.terms.duties else ()
        for author in grammar.actors(who, creditors):
            yield Said(author, Waive(duty=duty))


def _notify(grammar: Grammar, who: str, rest: str) -> Iterator[Said]:
    found = re.fullmatch(r"(?P<claim>\S+) from (?P<start>.+) to (?P<end>.+)", rest)
    if not found:
        raise BadValue("a notice names a claim, from when and to when", '"B notifies k2 from D+9 09:00 to D+9 12:00"')
    if found["claim"] not in grammar.terms.claims:
        raise BadValue(f"the terms have no claim {found['claim']}", f"there are {grammar.known_claims()}")
    body = Notice(
        claim=found["claim"], start=grammar.instant(found["start"]), end=grammar.instant(found["end"]), text=""
    )
    for author in grammar.actors(who, ()):
        yield Said(author, body)


def _allege(grammar: Grammar, who: str, rest: str) -> Iterator[Said]:
    what = rest.removesuffix(" with hold")
    hold = what != rest
    for author in grammar.actors(who, grammar.terms.parties):
        if what in grammar.terms.tranches:
            yield Said(author, Allege(tranche=what, hold=hold))
            continue
        for claim, period in grammar.spots(what):
            yield Said(author, Allege(claim=claim, period=period, hold=hold))


def _allegation(grammar: Grammar, text: str) -> str:
    found = ALLEGATION.fullmatch(text)
    known = grammar.terms.claims if found and found["period"] else grammar.terms.tranches
    if not found or found["by"] not in grammar.terms.parties or found["subject"] not in known:
        raise BadValue(f'"{text}" is no allegation', "by whom and of what: A/k2/14, or B/T3 of a tranche")
    return text


def _respond(answer: str) -> Callable[[Grammar, str, str], Iterator[Said]]:
    def read(grammar: Grammar, who: str, rest: str) -> Iterator[Said]:
        known = _allegation(grammar, rest)
        for author in grammar.actors(who, ()):
            yield Said(author, Respond(allegation=known, answer=answer))

    return read


def _determine(*, uphold: bool) -> Callable[[Grammar, str, str], Iterator[Said]]:
    def read(grammar: Grammar, who: str, rest: str) -> Iterator[Said]:
        complaint = rest in grammar.terms.tranches
        known = rest if complaint else _allegation(grammar, rest)
        for author in grammar.actors(who, grammar.terms.allegations.determiners.of):
            name = {"tranche": known} if complaint else {"allegation": known}
            yield Said(author, Determine(uphold=uphold, **name))

    return read


def _resume(grammar: Grammar, who: str, rest: str) -> Iterator[Said]:
    _nothing(rest, "resume")
    for author in grammar.actors(who, grammar.terms.parties):
        yield Said(author, Resume())


def _withdraw(grammar: Grammar, who: str, rest: str) -> Iterator[Said]:
    _nothing(rest, "withdraw")
    for author in grammar.actors(who, ()):
        yield Said(author, Withdraw())


def _contradict(grammar: Grammar, who: str, rest: str) -> Iterator[Said]:
    if rest not in {"itself", "themselves"}:
        raise BadValue("who signs two statements that exclude each other contradicts itself", '"m2 contradicts itself"')
    for culprit in grammar.actors(who, ()):
        body = Evidence(kind="equivocation", first="", second="")
        yield Said(grammar.terms.keeper, body, culprit=culprit)


def _node_act(verb: str, lead: str = "") -> Callable[[Grammar, str, str], Iterator[Said]]:
    kind, role = OF_NODES[verb]

    def read(grammar: Grammar, who: str, rest: str) -> Iterator[Said]:
        if lead and not re.match(rf"{lead} ", rest):
            raise BadValue(f'"{rest}" does not follow {verb}', _HINTS[verb])
        names = re.sub(rf"^{lead} ", "", rest) if lead else rest
        for tranche in grammar.tranches(names):
            owner = getattr(grammar.terms.tranches[tranche], role)
            for author in grammar.actors(who, (owner,)):
                yield Said(author, node_act(kind, tranche, grammar.terms, ok=verb != COMPLAIN), (kind, tranche))

    return read


_HINTS = {KEY: '"A hands over the key of T2"', COMPLAIN: '"B complains of T2"'}
_VERBS: dict[str, Callable[[Grammar, str, str], Iterator[Said]]] = {}


def _learn(words: str, verb: Callable[[Grammar, str, str], Iterator[Said]]) -> None:
    for word in words.split():
        _VERBS[word] = verb


_learn("sign signs", _sign)
_learn("attest attests", _attest)
_learn("correct corrects", _correct)
_learn("perform performs", _perform)
_learn("notify notifies", _notify)
_learn("allege alleges", _allege)
_learn("admit admits", _respond(AllegationAnswer.ADMITTED))
_learn("deny denies", _respond(AllegationAnswer.DENIED))
_learn("uphold upholds", _determine(uphold=True))
_learn("dismiss dismisses", _determine(uphold=False))
_learn("resume resumes", _resume)
_learn("withdraw withdraws", _withdraw)
_learn("waive waives", _waive)
_learn("contradict contradicts", _contradict)
_learn("publish publishes", _node_act(PUBLISH))
_learn("fetch fetches", _node_act(FETCH))
_learn("release releases", _node_act(RELEASE))
_learn("hand hands", _node_act(KEY, "over the keys? of"))
_learn("confirm confirms", _node_act(CONFIRM))
_learn("complain complains", _node_act(COMPLAIN, "(?:of|about)"))
VERBS = tuple(word for word in _VERBS if not word.endswith("s") or word in {"dismiss"})
_LIST = f"one of {', '.join(VERBS)}"


def node_act(kind: str, tranche: str, terms: Arrangement, *, ok: bool = True) -> Body:
    """The statement with which a node acts; its content is made up, and of the right form."""
    wrapped = digest(f"{tranche} wrapped".encode())
    key = base64.b64encode(bytes.fromhex(digest(tranche.encode()))).decode()
    if kind == "commit":
        return _content(terms, tranche)
    if kind == "cipher":
        return Ack(tranche=tranche, stage="cipher", key=key)
    if kind == "release":
        return Release(tranche=tranche, wrapped=digest(wrapped.encode()))
    if kind == "key":
        return Key(tranche=tranche, wrapped=base64.b64encode(wrapped.encode()).decode())
    return Ack(tranche=tranche, stage="plain", ok=ok, evidence=None if ok else wrapped)


def _content(terms: Arrangement, tranche: str) -> Commit:
    term = terms.tranches[tranche]
    size = min(1000, term.max_size)
    number = sorted(terms.tranches).index(tranche)
    return Commit(
        tranche=tranche,
        agreement=f"urn:uuid:00000000-0000-4000-8000-{number:012x}",
        media_type=term.media_types[0] if term.media_types else "application/octet-stream",
        size=size,
        plain_root=digest(f"{tranche} plain".encode()),
        cipher_size=size + 72,
        cipher_root=digest(f"{tranche} cipher".encode()),
        header=base64.b64encode(bytes(56)).decode(),
    )
