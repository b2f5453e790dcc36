"""Every sentence of every view is true: random terms and histories, each sentence read back and held against the fold.

`ARMSLENGTH_VIEWS` is the number of histories (default 30), `ARMSLENGTH_VIEWS_SEED` the first one. A failure names its
seed and the place in the history.
"""
from __future__ import annotations

import os

from random import Random

import pytest

from armslength.core.arrangement import step
from armslength.core.arrangement.draft import Act
from armslength.core.arrangement.terms import Arrangement
from armslength.errors import Refused
from armslength.views.explain import why
from armslength.views.placed import PlacedEntry
from tests.oracle.duel import history
from tests.views.consequences import soonest
from tests.views.lines import lines_are_true
from tests.views.reading import Seen
from tests.views.sentences import SAYS

HISTORIES = int(os.environ.get("ARMSLENGTH_VIEWS", "30"))
FIRST = int(os.environ.get("ARMSLENGTH_VIEWS_SEED", "0"))
LOOKS = 8  # states of one history that are asked about everything


def told(terms: Arrangement, acts: list[Act]) -> list[Seen]:
    """Every state of a history, with what was placed and changed up to it; refused entries are left out."""
    states = [Seen(terms, step.initial(terms), [], [])]
    for act in acts:
        last = states[-1]
        try:
            out = step.apply(terms, last.state, act)
        except Refused:
            continue
        entry = PlacedEntry(
            index=len(last.placed), entry=act.entry, author=act.author, type=act.type, body=act.body, at=out.at,
            changes=out.changes,
        )  # fmt: skip
        states.append(Seen(terms, out.state, [*last.changes, *out.changes], [*last.placed, entry]))
    return states


def all_is_true(seen: Seen) -> None:
    """Whatever is asked of a state."""
    state, terms = seen.state, seen.terms
    periods = [f"{c}#{n}" for c, rules in terms.claims.items() for n in range(seen.count(rules))]
    for subject in ("arrangement", *state.duties, *state.tranches, *state.claims, *periods, *state.allegations):
        answer = why(terms, state, subject)
        assert answer.at == seen.now
        for sentence in answer.sentences:
            try:
                SAYS.read(seen, sentence, answer)
            except AssertionError as failure:
                raise AssertionError(f"{subject}: {failure}") from failure


def never_came(seen: Seen, later: list[Seen]) -> None:
    """What was said to come no more, does not in what follows."""
    for kind, subject, what in seen.nevers:
        for after in later[-1].changes[len(seen.changes) :] if later else []:
            if (after.kind, after.subject) == (kind, subject):
                came = after.after == what and after.before != what
                if kind == "claim":
                    came = what == "*" or after.after != what
                assert not came, f"{subject} was said never to come to {what}, and does: {after}"


@pytest.mark.parametrize("seed", range(FIRST, FIRST + HISTORIES))
def test_every_sentence_is_true(seed: int) -> None:
    """All that is said along one history."""
    duel = history(seed)
    states = told(duel.terms, duel.acts)
    lines_are_true(states[-1])
    rng = Random(seed)
    places = sorted({len(states) - 1, *rng.sample(range(len(states)), min(LOOKS, len(states)))})
    for place in places:
        seen = states[place]
        try:
            all_is_true(seen)
            end = soonest(seen, 40 if place == places[-1] else 3)
            never_came(seen, states[place + 1 :])
            never_came(seen, [end])
            all_is_true(end)
        except AssertionError as failure:
            raise AssertionError(f"seed {seed}, after {place} entries, at {seen.now}: {failure}") from failure
