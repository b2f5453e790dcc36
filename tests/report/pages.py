"""Report pages to test: the golden bundle's, cached, and pages at earlier moments; and what a page is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser

from armslength.core.arrangement.terms import Arrangement
from armslength.report import render
from armslength.views.placed import PlacedEntry
from armslength.wire.bundle import Failure, Verdict, build, verify_bundle
from tests.golden.terms import CLAUSES
from tests.record_builder import clause_texts, golden_record, signer
from tests.views.fold import Folded, golden

VOID = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])


@dataclass
class Element:
    """One element of a page: its tag, its attributes, and what is inside it, in order."""

    tag: str
    attributes: dict[str, str | None]
    parent: Element | None
    inside: list[Element | str] = field(default_factory=list)

    @property
    def children(self) -> list[Element]:
        """The elements directly inside."""
        return [child for child in self.inside if isinstance(child, Element)]

    def all(self, *tags: str) -> list[Element]:
        """All descendants with one of these tags (all if none are given), in order."""
        found = []
        for child in self.children:
            if not tags or child.tag in tags:
                found.append(child)
            found += child.all(*tags)
        return found

    @property
    def content(self) -> str:
        """All text inside, in order."""
        return "".join(child if isinstance(child, str) else child.content for child in self.inside)


class Page(HTMLParser):
    """A strict reading of a page: every tag is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {}, None)
        self.open = self.root
        self.feed(text)
        self.close()
        assert self.open is self.root, f"not closed: {self.open.tag}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"repeated attribute in {tag}"
        element = Element(tag, dict(attrs), self.open)
        self.open.inside.append(element)
        if tag not in VOID:
            self.open = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.inside.append(Element(tag, dict(attrs), self.open))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.tag == tag, f"</{tag}> closes <{self.open.tag}>"
        assert self.open.parent is not None
        self.open = self.open.parent

    def handle_data(self, data: str) -> None:
        self.open.inside.append(data)


@cache
def golden_page() -> str:
    """The report on the golden bundle, as built and verified from its files."""
    record = golden_record()
    files = build(record.replica, record.leaves, clause_texts(), "m5", signer("m5"))
    verdict = verify_bundle(files, record.replica.arrangement)
    assert verdict.ok
    assert verdict.terms is not None
    assert verdict.replica is not None
    placed = [PlacedEntry.of(step.index, step.entry, step.at, step.changes) for step in verdict.timeline]
    return render(verdict, verdict.terms, clause_texts(), placed, verdict.replica.state)


def page(
    folded: Folded | None = None,
    *,
    error: Failure | None = None,
    pinned: bool = False,
    terms: Arrangement | None = None,
    texts: Mapping[str, str] | None = None,
    weights: Mapping[str, int] | None = None,
    until: int | None = None,
) -> str:
    """A page over a folded record, with a verdict of our making."""
    folded = folded or golden()
    verdict = Verdict(error, pinned, folded.terms, "0" * 64, golden_record().replica, "m5")
    placed = folded.placed if until is None else folded.until(until)
    state = folded.states[len(placed)]
    told = {name: text for name, (_, text) in CLAUSES.items()} if texts is None else texts
    return render(verdict, terms or folded.terms, told, placed, state, weights)
