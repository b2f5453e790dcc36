"""Every sentence of every view is true: random histories, each sentence read back and held against the fold.

`ARMSLENGTH_VIEWS` is the number of histories (default 24), `ARMSLENGTH_VIEWS_SEED` the first one. A failure names its
seed, the place in the history, and the sentence. A sentence whose form is in no catalogue fails: new ones get a check.
"""

from __future__ import annotations

import os
from random import Random

import pytest

from armslength.views.explain import why
from tests.views import sentences_claims, sentences_duties, sentences_rest
from tests.views.consequences import soonest
from tests.views.lines import lines_are_true
from tests.views.reading import Seen
from tests.views.sentences import SAYS
from tests.views.worlds import history

CATALOGUE = (sentences_claims, sentences_duties, sentences_rest)  # they fill SAYS
HISTORIES = int(os.environ.get("ARMSLENGTH_VIEWS", "24"))
FIRST = int(os.environ.get("ARMSLENGTH_VIEWS_SEED", "0"))
LOOKS = 4  # states of one history that are asked about everything


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
                if kind == "claim":  # what was said before, and comes with grace, may still decide it
                    came = after.at > seen.now and what in {"*", "UNDECIDED"}
                assert not came, f"{subject} was said never to come to {what}, and does: {after}"


@pytest.mark.parametrize("seed", range(FIRST, FIRST + HISTORIES))
def test_every_sentence_is_true(seed: int) -> None:
    """All that is said along one history, and if nothing comes any more."""
    states = history(seed).states
    lines_are_true(states[-1])
    places = sorted({len(states) - 1, *Random(seed).sample(range(len(states)), min(LOOKS, len(states)))})
    for place in places:
        seen = states[place]
        try:
            all_is_true(seen)
            end = soonest(seen, 60 if place == places[-1] else 4)
            never_came(seen, states[place + 1 :])
            never_came(seen, [end])
            all_is_true(end)
        except AssertionError as failure:
            raise AssertionError(f"seed {seed}, after {place} entries, at {seen.now}: {failure}") from failure
