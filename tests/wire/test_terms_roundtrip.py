"""compile(decompile(c)) = c, byte for byte, for whatever terms the language can express."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from armslength.core.arrangement.terms import (
    SEMANTICS,
    Actor,
    ActorKeys,
    Allegations,
    AllOf,
    AnyOf,
    Arrangement,
    AtTime,
    Claim,
    ClaimIs,
    Clause,
    CleanRun,
    Clear,
    Condition,
    Due,
    Duty,
    DutyIs,
    Effective,
    Excuse,
    Not,
    Quorum,
    Tranche,
    TrancheIs,
)
from armslength.core.canonical import canonical, digest
from armslength.errors import Malformed
from armslength.wire import terms_values as values
from armslength.wire.terms import BadTerms, compile_terms, decompile_terms, faults, read_terms
from armslength.wire.terms_conditions import DUTY_STATES, TRANCHE_STATES
from armslength.wire.terms_json import decode_terms
from armslength.wire.terms_write import natural
from armslength.wire.terms_yaml import parse
from tests.golden.terms import dummy
from tests.record_builder import signing_key
from tests.terms_base import SMALL, compiled

START = 1_700_000_000
CLAUSES, STATES, EVENTS = ("c1", "C2"), ("s1", "s2", "null"), ("e1", "e2")
DUTIES, TRANCHES = ("d1", "d2", "d3.A", "d3.B", "true"), ("t1", "t2")
PEOPLE = ("A", "B", "C", "m", "n", "yes")
SIGNERS = ("A", "B", "m", "n", "yes")

durations = st.integers(1, 10**8)
spans = st.integers(0, 10**8)
counts = st.integers(1, 9)


def is_text(text: str) -> bool:
    """Whether the language takes it as text at all."""
    try:
        return values.read_text(text) == text
    except values.BadValue:
        return False


texts = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Cf", "Co", "Zs", "Zl", "Zp"))
    | st.sampled_from("\n\t : #'\"-&*{}[]|>%@`"),
    min_size=1,
    max_size=60,
).filter(is_text)
tricky = st.sampled_from(["yes", "null", "~", "1.5", "0x1f", "2016-07-14", "- a", "a: b", "a #b", "'", "{", "*x", "<<"])
lines = st.one_of(texts.map(lambda text: " ".join(text.split())).filter(bool), tricky)


def some(options: tuple[str, ...], least: int = 1) -> st.SearchStrategy[tuple[str, ...]]:
    """A few of the options, sorted."""
    return st.sets(st.sampled_from(options), min_size=least).map(lambda found: tuple(sorted(found)))


ids = st.sampled_from
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)  # whole terms shrink too slowly to be worth it
atoms = st.one_of(
    st.just(Effective()),
    st.builds(AtTime, anchor=ids(["start", "end"]), after=st.integers(-(10**8), 10**8)),
    st.builds(
        CleanRun,
        claims=some(STATES),
        length=counts,
        follows=st.none(),
    ),
    st.builds(Clear, duties=some((*DUTIES, "t1.release"))),
    st.builds(ClaimIs, claim=ids(EVENTS), states=some(("SUPPORTED",)) | some(("REFUTED",), 0))
    .filter(lambda c: bool(c.states)),
    st.builds(DutyIs, duty=ids((*DUTIES, "t2.release")), states=some(DUTY_STATES)),
    st.builds(TrancheIs, tranche=ids(TRANCHES), states=some(TRANCHE_STATES)),
)  # fmt: skip


def together(kind: type[AllOf | AnyOf], parts: list[Condition]) -> Condition:
    """Parts in canonical order; `all` of one is that one."""
    if kind is AllOf and len(parts) == 1:
        return parts[0]
    return kind(of=tuple(sorted(parts, key=canonical)))


conditions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds(together, ids([AllOf, AnyOf]), st.lists(inner, min_size=1, max_size=3)),
        inner.map(lambda part: Not(of=(part,))),
    ),
    max_leaves=6,
)
groups = st.dictionaries(ids(["g1", "g2"]), counts)


def key(name: str) -> str:
    """A usable public key."""
    return values.base64.b64encode(bytes(signing_key("terms", name).verify_key)).decode()


def _actor(id_: str, name: str, group: str | None) -> Actor:
    keys = ActorKeys(
        entries=key(f"{id_} e"), checkpoints=key(f"{id_} c"), tokens=None if id_ == "m" else key(f"{id_} t")
    )
    return Actor(
        name=name, did=f"did:web:{id_.lower()}.a", keys=keys, address=f"https://{id_.lower()}.a", group=group
    )  # fmt: skip


@st.composite
def claims(draw: st.DrawFn, kind: str) -> Claim:
    """A claim in canonical form."""
    state = kind == "state"
    return Claim(
        kind=kind,
        clause=draw(ids(CLAUSES)),
        statement=draw(lines),
        monitors=draw(some(("A", "m", "yes"))),
        support=draw(counts),
        refute=draw(counts),
        groups=draw(groups),
        including=draw(some(("A", "m", "yes"), 0)),
        offset=draw(spans),
        period=draw(st.integers(10**4, 10**8)) if state else None,
        report_by=draw(durations) if state else draw(st.none() | durations),
        excuse=draw(st.none() | st.builds(Excuse, claim=ids(STATES), lead=spans)) if state else None,
    )


@st.composite
def duties(draw: st.DrawFn, debtor: str) -> Duty:
    """A duty in canonical form."""
    achieve = draw(st.booleans())
    return Duty(
        kind="achieve" if achieve else "maintain",
        clause=draw(ids(CLAUSES)),
        statement=draw(lines),
        debtor=debtor,
        creditors=("B",) if debtor == "A" else ("A",),
        performer=draw(ids(["A", "B", "C"])),
        claim=draw(ids(EVENTS if achieve else STATES)),
        trigger=draw(conditions),
        consequence=draw(ids(["suspend", "withhold", "record"])),
        cure=draw(spans) if achieve else draw(st.integers(0, 9)),
        due=Due(anchor=draw(ids(["trigger", "start", "end"])), after=draw(st.integers(-(10**8), 10**8)))
        if achieve
        else None,
        remedy_run=None if achieve else draw(counts),
        still_owed=draw(st.booleans()) if achieve else True,
        surviving=draw(st.booleans()),
        weight=draw(st.none() | st.integers(-(2**53) + 1, 2**53 - 1)),
    )


@st.composite
def tranches(draw: st.DrawFn) -> Tranche:
    """A tranche in canonical form."""
    return Tranche(
        clause=draw(ids(CLAUSES)),
        title=draw(lines),
        media_types=draw(some(("text/csv", "application/pdf", "application/octet-stream"))),
        max_size=draw(st.integers(1, 2**50)),
        provider="A",
        recipient="B",
        gate=draw(conditions),
        continuous=draw(conditions),
        deliver_by=draw(durations),
        release_by=draw(durations),
        release_cure=draw(spans),
        key_by=draw(durations),
        ack_by=draw(durations),
        weight=draw(st.none() | st.integers(-9, 9)),
    )


@st.composite
def arrangements(draw: st.DrawFn) -> tuple[Arrangement, dict[str, str]]:
    """Any terms that the language can express, with their texts."""
    written = {id_: draw(texts) for id_ in CLAUSES}
    of = draw(some(SIGNERS))
    judges = draw(some(SIGNERS))
    same = draw(st.booleans())
    first = draw(duties("A"))
    second = replace(first, debtor="B", creditors=("A",)) if same else draw(duties("B"))
    if same:
        first, second = replace(first, performer="A"), replace(second, performer="B")
    group = {"A": draw(st.none() | ids(["g1", "g2"])), "m": "g1", "yes": "g2"}
    terms = Arrangement(
        semantics=SEMANTICS,
        title=draw(lines),
        clock=draw(ids(["utc", "simulated"])),
        actors={
            id_: _actor(id_, draw(lines), group.get(id_)) if id_ != "C" else Actor(name=draw(lines)) for id_ in PEOPLE
        },
        parties=("A", "B"),
        third_parties=("C",),
        monitors=("A", "m", "yes"),
        keeper=of[0],
        fallback_keepers=tuple(draw(st.permutations(["B", "n"]))[: draw(st.integers(0, 2))]),
        timekeepers=Quorum(of=of, count=draw(st.integers(1, len(of))), groups={}, including=()),
        start=START,
        end=START + draw(durations),
        entry_by=START + draw(st.integers(-(10**8), 10**8)),
        grace=draw(spans),
        max_suspension=draw(durations),
        withdrawal_notice=draw(spans),
        allegations=Allegations(
            reply=draw(durations),
            determination=draw(durations),
            hold=draw(durations),
            holds_per_party=draw(st.integers(0, 9)),
            determiners=Quorum(
                of=judges, count=draw(st.integers(1, len(judges))), groups=draw(groups), including=judges[:1]
            ),
            default=draw(ids(["DISMISSED", "UPHELD"])),
        ),
        clauses={id_: Clause(title=draw(lines), sha256=digest(text.encode())) for id_, text in written.items()},
        claims={id_: draw(claims("state")) for id_ in STATES} | {id_: draw(claims("event")) for id_ in EVENTS},
        duties={id_: draw(duties("A")) for id_ in ("d1", "d2", "true")} | {"d3.A": first, "d3.B": second},
        tranches={id_: draw(tranches()) for id_ in TRANCHES},
    )
    return terms, written


@settings(max_examples=20, deadline=None, phases=WITHOUT_SHRINKING)
@given(arrangements())
def test_decompile_and_compile_are_inverse(pair: tuple[Arrangement, dict[str, str]]) -> None:
    """Whatever the terms, their YAML compiles to the same canonical bytes and the same texts (rule 7.2a)."""
    terms, written = pair
    yaml = decompile_terms(terms, written)
    again = compile_terms(yaml.encode())
    assert canonical(again.terms) == canonical(terms)
    assert again.terms == terms
    assert again.texts == written
    assert faults(terms, written) == []


@settings(max_examples=50, deadline=None)
@given(durations | st.just(0), st.integers(-(10**9), 10**9), st.integers(1, 2**50), st.integers(0, 10**10))
def test_values_are_read_as_written(duration: int, after: int, size: int, instant: int) -> None:
    """Durations, instants, offsets and sizes survive being written and read."""
    assert values.read_duration(values.write_duration(duration)) == duration
    assert values.read_when(values.write_when("end", after), ("end",)) == ("end", after)
    assert values.read_size(values.write_size(size)) == size
    assert values.read_instant(values.write_instant(instant)) == instant


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=200) | st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_refused_with_reasons(text: str) -> None:
    """No text makes the compiler fail in any other way than by saying what is wrong."""
    with pytest.raises(BadTerms) as caught:
        compile_terms(text.encode("utf-8", "surrogatepass"))
    assert caught.value.problems


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_file_with_a_spoilt_line_compiles_or_is_refused(data: st.DataObject) -> None:
    """Cutting, doubling or rewriting a line of good terms never breaks the compiler."""
    rows = SMALL.splitlines()
    at = data.draw(st.integers(0, len(rows) - 1))
    indent = " " * (len(rows[at]) - len(rows[at].lstrip()))
    name = rows[at].strip().split(":")[0]
    wrong = ("[1, {a: b}]", "{a: 1}", "null", "5", "x", "1h", "[]")
    choices = [[], [rows[at]] * 2, [indent + "x"], [f"{indent}- {name}"], *([f"{indent}{name}: {w}"] for w in wrong)]
    rows[at : at + 1] = data.draw(st.sampled_from(choices))
    with contextlib.suppress(BadTerms):
        compiled("\n".join(rows))


def test_a_duty_of_two_debtors_is_two_duties() -> None:
    """Each has its own debtor, claim and name, and everything else in common (rule 4.3a)."""
    duties = compiled(SMALL).terms.duties
    found = {name: (duty.debtor, duty.claim) for name, duty in duties.items() if name.startswith("Delete.")}
    assert found == {"Delete.S": ("S", "deleted-S"), "Delete.B": ("B", "deleted-B")}
    first, second = duties["Delete.S"], duties["Delete.B"]
    assert (first.statement, first.due, first.cure) == (second.statement, second.due, second.cure)


def test_spelling_is_no_term() -> None:
    """Order of fields, comments, quotes, layout and the spelling of durations change nothing (rule 7.2b)."""
    other = SMALL.replace("term: 12w", "# three months or so\nterm:   84d").replace("[S, B, L]", "[L, B, S]")
    other = other.replace("title: Test results for forecasts\n", "") + 'title: "Test results  for forecasts"\n'
    assert canonical(compiled(other).terms) == canonical(compiled(SMALL).terms)


def test_defaults_are_written_out() -> None:
    """Writing a default down changes nothing, since the canonical form holds it anyway (rule 7.2b)."""
    other = SMALL + "grace: 1h\nclock: utc\nsuspension: {limit: 14d}\nwithdrawal: {notice: 5d}\n"
    assert compiled(other).terms == compiled(SMALL).terms


def test_a_clause_in_a_file_is_the_same_clause() -> None:
    """A text gives the same hash inline and from a file, whatever the file's line ends."""
    inline = compiled(SMALL)
    text = inline.texts["Exchange"]
    start = SMALL.index("    text: |", SMALL.index("  Exchange:"))
    other = SMALL[:start] + "    file: texts/x.txt\n" + SMALL[SMALL.index("  Deletion:") :]
    for data in (text.encode(), text.replace("\n", "\r\n").encode(), b"\xef\xbb\xbf" + text.encode()):
        found = compiled(other, {"texts/x.txt": data})
        assert found.terms == inline.terms
        assert found.texts == inline.texts


def _with_gate(terms: Arrangement, gate: Condition) -> Arrangement:
    return replace(terms, tranches=terms.tranches | {"Results": replace(terms.tranches["Results"], gate=gate)})


def _with_duty(terms: Arrangement, duty: Duty) -> Arrangement:
    return replace(terms, duties=terms.duties | {"Quality": duty})


SPOILERS: dict[str, Callable[[Arrangement], Arrangement]] = {
    "unsorted": lambda t: replace(t, parties=("S", "B")),
    "unknown keeper": lambda t: replace(t, keeper="K"),
    "no length": lambda t: replace(t, end=t.start),
    "two spaces": lambda t: replace(t, title="two  spaces"),
    "negative": lambda t: replace(t, grace=-1),
    "unknown monitor": lambda t: replace(t, monitors=("L", "X")),
    "no monitor": lambda t: replace(t, monitors=()),
    "unknown claim": lambda t: _with_duty(t, replace(t.duties["Quality"], claim="x")),
    "due to maintain": lambda t: _with_duty(t, replace(t.duties["Quality"], due=Due(anchor="end", after=1))),
    "not still_owed": lambda t: _with_duty(t, replace(t.duties["Quality"], still_owed=False)),
    "empty run": lambda t: _with_gate(t, CleanRun(claims=(), length=1)),
    "empty all": lambda t: _with_gate(t, AllOf(of=())),
    "all of one": lambda t: _with_gate(t, AllOf(of=(Effective(),))),
    "other hash": lambda t: replace(t, clauses=t.clauses | {"Quality": Clause(title="x", sha256="0" * 64)}),
    "other semantics": lambda t: replace(t, semantics="armslength/arrangement/2"),
    "timekeepers with more": lambda t: replace(t, timekeepers=replace(t.timekeepers, including=("S",))),
    "unknown default": lambda t: replace(t, allegations=replace(t.allegations, default="MAYBE")),
    "stray actor field": lambda t: replace(t, actors=t.actors | {"S": replace(t.actors["S"], group="x")}),
}


@pytest.mark.parametrize("name", SPOILERS)
def test_foreign_terms_are_held_to_the_language(name: str) -> None:
    """Canonical terms that the language could not have produced are refused, with a reason."""
    found = compiled(SMALL)
    assert read_terms(canonical(found.terms), found.texts) == found.terms
    spoilt = SPOILERS[name](found.terms)
    assert faults(spoilt, found.texts)
    with pytest.raises(Malformed):
        read_terms(canonical(spoilt), found.texts)


SPOILT_CONDITIONS = {
    "unknown operator": ({"op": "magic"}, "duties[...].trigger"),
    "no operator": ({"of": []}, "duties[...].trigger"),
    "operator of another kind": ({"op": ["effective"]}, "duties[...].trigger"),
    "no condition": ("effective", "duties[...].trigger"),
    "stray field": ({"op": "effective", "duty": "Quality"}, "duties.Quality.trigger.duty"),
    "missing field": ({"op": "duty", "duty": "Quality"}, "duties[...].trigger"),
    "unknown anchor": ({"op": "time", "anchor": "trigger", "after": 1}, "duties[...].trigger.anchor"),
    "two in not": ({"op": "not", "of": [{"op": "effective"}, {"op": "effective"}]}, "duties[...].trigger.of"),
    "unknown below": ({"op": "any", "of": [{"op": "effective"}, {"op": "magic"}]}, "duties[...].trigger.of[1]"),
}


@pytest.mark.parametrize("name", SPOILT_CONDITIONS)
def test_a_condition_is_one_of_the_operators_with_its_fields(name: str) -> None:
    """What is none is refused as it is read, with its place."""
    condition, place = SPOILT_CONDITIONS[name]
    document = json.loads(canonical(compiled(SMALL).terms))
    assert decode_terms(canonical(document)) == compiled(SMALL).terms
    document["duties"]["Quality"]["trigger"] = condition
    with pytest.raises(Malformed) as refused:
        decode_terms(canonical(document))
    assert refused.value.place == place


def test_foreign_texts_are_held_to_their_hashes() -> None:
    """A missing, changed or surplus text is named."""
    found = compiled(SMALL)
    for texts_, place in (
        (found.texts | {"Quality": "other"}, "clauses.Quality"),
        ({k: v for k, v in found.texts.items() if k != "Exchange"}, "clauses.Exchange"),
        (found.texts | {"More": "x"}, "clauses.More"),
    ):
        assert [problem.path for problem in faults(found.terms, texts_)] == [place]


def test_every_line_is_known() -> None:
    """Places in the terms lead back to their lines, down to list items, and fall back to what is around them."""
    found = compiled(SMALL)
    rows = SMALL.splitlines()
    assert rows[(found.line("claims.quality.period") or 0) - 1].strip() == "period: 7d"
    assert rows[(found.line("duties.Delete.S.cure") or 0) - 1].strip() == "Delete:"
    assert rows[(found.line("tranches.Forecast.when.settled") or 0) - 1].strip() == "when: {settled: Results}"
    assert found.line("nowhere") is None


def test_yaml_is_read_by_the_1_2_core_schema() -> None:
    """Words that YAML 1.1 took for booleans are text; only true and false are not (rule 7.2c)."""
    node = parse(b"a: yes\nb: on\nc: true\nd: ~\ne: 12\nf: '12'\ng: 1_000\nh: 12:30:45\n", "x")
    assert isinstance(node.value, dict)
    assert {key: child.value for key, child in node.value.items()} == {
        "a": "yes", "b": "on", "c": True, "d": None, "e": 12, "f": "12", "g": "1_000", "h": "12:30:45",
    }  # fmt: skip


def test_dummy_keys_are_no_keys_to_sign_with() -> None:
    """The compiler asks for 32 bytes only; whether they are a usable point is the business of the checks."""
    text = SMALL.replace("Nn/kKbQ8bVlLsTt2p6wkTAJ004sqUYMpRVUBKF3UzgM=", dummy("x"))
    assert compiled(text).terms.actors["S"].keys is not None


@pytest.mark.parametrize("text", ["a\n", "a", "a\n\n", "a\n\n\n", "a\n\nb\n", "a \n", "\na\n", "°湮Ľ\n\n"])
def test_a_clause_keeps_its_text_to_the_last_line(text: str) -> None:
    """Also where it ends in blank lines, as the last of its section."""
    read = compiled(SMALL)
    last = sorted(read.terms.clauses, key=natural)[-1]
    clauses = {**read.terms.clauses, last: replace(read.terms.clauses[last], sha256=digest(text.encode()))}
    terms, texts = replace(read.terms, clauses=clauses), {**read.texts, last: text}
    again = compile_terms(decompile_terms(terms, texts).encode())
    assert again.texts == texts
    assert again.terms == terms
