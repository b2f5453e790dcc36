"""What `why` says, read back: the catalogue, and the sentences on what comes next."""

from __future__ import annotations

from armslength.views.asked import Why
from armslength.views.words import MEANINGS
from tests.views.phrases import told
from tests.views.reading import Forms, Read, Seen, instant, is_span

SAYS = Forms("sentence")
ENDS = {
    "withdrawal": "after a withdrawal",
    "suspension": "after a suspension that was not ended in time",
    None: "once its term was over",
}


def away(seen: Seen, read: Read, at: int) -> None:
    """`, in 2 h`, `, 2 h ago`, `, now`: how far away a moment is."""
    said = read.get("away", "")
    if said == ", now":
        assert at == seen.now
    elif said.endswith(" ago"):
        assert at < seen.now
        assert is_span(said, seen.now - at)
    elif said:
        assert at > seen.now
        assert is_span(said, at - seen.now)
    else:
        assert seen.now == 0


def meant(seen: Seen, state: str, text: str) -> None:
    """The meaning stands beside its state."""
    assert MEANINGS[state] == text, (state, text)


@SAYS.form(r"Next: <waits:text>, by <at:M><away:away>; if nothing comes, "
           r"(?P<what>[^,:]+) at <fires:M>(?P<rest>[,:].+)?\.",
           r"Next: on <fires:M><away:away>, <then:text>\.",
           r"Next: <waits:text>, by <at:M><away:away>; after that <then:text>\.")  # fmt: skip
def next_is(seen: Seen, read: Read, answer: Why) -> None:
    """The soonest of the answer's deadlines on which something rests; each is checked by itself."""
    then = read.get("then") or f"{read['what']}{read.get('rest', '')}"
    found = [d for d in answer.deadlines if not d.idle and d.then == then]
    if "fires" in read:
        found = [d for d in found if d.fires == instant(read["fires"])]
    if "at" in read:
        found = [d for d in found if d.at == instant(read["at"]) and d.waits_for == read["waits"]]
    assert found
    away(seen, read, found[0].at)


@SAYS.form(r"<need:text>\.")
def a_need(seen: Seen, read: Read, _answer: Why) -> None:
    """A need as a sentence of its own."""
    told(seen, read["need"])
