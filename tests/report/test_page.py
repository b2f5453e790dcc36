"""The report page: complete, well formed, self-contained, readable by all, and safe whatever the record holds."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest

from armslength.core.arrangement.bodies import Allege, Determine, Notice, Respond
from armslength.core.arrangement.terms import Clause
from armslength.views.words import TONES
from armslength.wire.bundle import Failure
from tests.golden.terms import at, golden_terms
from tests.report.pages import Element, Page, golden_page, page
from tests.views.fold import Folded, golden

EVIL = "</blockquote><script>alert(1)</script><img src=x onerror=alert(1)> & \"quoted\" 'too' {{ 7*7 }} \x1b[31m\u202e"


def tree(text: str | None = None) -> Element:
    """The golden page, or another, read strictly."""
    return Page(golden_page() if text is None else text).root


def ids(root: Element) -> list[str]:
    """Every id on a page."""
    return [e.attributes["id"] or "" for e in root.all() if "id" in e.attributes]


def links(root: Element) -> list[str]:
    """Every link's target."""
    return [a.attributes.get("href") or "" for a in root.all("a")]


def test_the_verdict_stands_first_with_hash_time_and_pin() -> None:
    """The first section says that the record holds, names the arrangement, the time, and that it is pinned."""
    section = tree().all("section")[0]
    text = section.content
    assert section.attributes["id"] == "verdict"
    assert "The record holds" in text
    assert re.fullmatch(r"[0-9a-f]{64}", section.all("code")[0].content)
    assert "29 Sep 2016 00:00 UTC" in text
    assert "this is the arrangement that was asked for" in text
    assert "Simulated time." in text
    assert "consistent in itself" not in text


def test_an_unpinned_verdict_says_consistent_in_itself() -> None:
    """Without an expected hash the page claims no more than that."""
    assert "consistent in itself" in tree(page()).all("section")[0].content


def test_real_time_is_not_called_simulated() -> None:
    """Terms with clock utc carry no such note."""
    folded = Folded(golden_terms(clock="utc"), [])
    assert "Simulated time." not in page(folded)


def test_a_record_that_fails_says_so_where_and_why() -> None:
    """The verdict names the first entry that does not hold, and warns."""
    failure = Failure("bad-signature", "is not signed by B", entry=17)
    text = tree(page(error=failure)).all("section")[0].content
    assert "The record does not hold" in text
    assert "Entry 17: is not signed by B" in text
    assert "Do not rely on it" in text


def test_headings_descend_one_level_at_a_time() -> None:
    """One h1, and no level is skipped."""
    levels = [int(e.tag[1]) for e in tree().all("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_landmarks_are_there_and_named() -> None:
    """One main, one header, one footer, a named navigation, and sections named by their headings."""
    root = tree()
    assert [len(root.all(tag)) for tag in ("main", "header", "footer", "nav")] == [1, 1, 1, 1]
    assert root.all("nav")[0].attributes["aria-label"]
    known = set(ids(root))
    for section in root.all("section", "article"):
        assert section.attributes["aria-labelledby"] in known
    assert root.all("html")[0].attributes["lang"] == "en"


def test_ids_are_unique_and_links_resolve() -> None:
    """No id twice; every link leads to a place on the page."""
    root = tree()
    known = ids(root)
    assert len(known) == len(set(known))
    for name in root.all():
        for attribute in ("aria-labelledby", "aria-describedby"):
            assert set((name.attributes.get(attribute) or "").split()) <= set(known)
    assert {link for link in links(root) if not link.startswith("#")} == set()
    assert {link[1:] for link in links(root)} <= set(known)


def test_every_picture_has_a_title_and_the_charts_a_description() -> None:
    """Each svg has a title; the two charts are described and point at their tables. Only the one with links is no mere
    image: in an image nothing can be reached by keyboard."""
    pictures = tree().all("svg")
    assert len(pictures) == 3
    for picture in pictures:
        assert picture.attributes["role"] == ("group" if picture.all("a") else "img")
        assert picture.children[0].tag == "title"
        assert picture.children[0].content.strip()
    assert sum(bool(picture.all("desc")) for picture in pictures) == 2


def test_the_chart_of_lives_is_read_lane_by_lane() -> None:
    """To a screen reader it is a list of links, each of which tells a whole life; bars, cells and ticks are silent."""
    (chart,) = [picture for picture in tree().all("svg") if picture.all("a")]
    told = [link.attributes["aria-label"] or "" for link in chart.all("a")]
    assert any(text.startswith("C2: PENDING from") and "BREACHED from D+22 10:00" in text for text in told)
    shown = [e for e in chart.all("g") if (e.attributes.get("class") or "").split(" ")[0] in {"bar", "cell"}]
    assert shown
    assert all(e.attributes["aria-hidden"] == "true" for e in shown)


def test_tables_stay_tables_on_narrow_screens() -> None:
    """Rows shown as blocks keep their roles, and cells of numbers say whose they are."""
    roles = {"table": {"table"}, "tr": {"row"}, "td": {"cell"}, "th": {"columnheader", "rowheader"}}
    for tag, known in roles.items():
        assert {e.attributes.get("role", "") for e in tree().all(tag)} == known
    numbers = [e for e in tree().all("td") if e.attributes.get("class") == "num"]
    assert {e.attributes["data-label"] for e in numbers} == {"Arandia", "Borovia"}


def test_every_table_has_a_caption_and_scoped_headers() -> None:
    """Screen readers learn what a table is of, and which header a cell belongs to."""
    tables = tree().all("table")
    assert len(tables) > 20
    for table in tables:
        assert table.children[0].tag == "caption"
        assert table.children[0].content.strip()
        assert all(header.attributes.get("scope") in {"col", "row"} for header in table.all("th"))
        width = len(table.all("thead")[0].all("th"))
        assert {len(row.children) for row in table.all("tbody")[0].all("tr")} == {width}


def test_nothing_is_loaded_and_nothing_runs() -> None:
    """No script, no handler, no external address, no form; a policy forbids all but the page's own style."""
    root = tree()
    assert root.all("script", "iframe", "object", "embed", "form", "img", "link", "base") == []
    assert not any(name.startswith("on") for e in root.all() for name in e.attributes)
    assert not any(name in e.attributes for e in root.all() for name in ("src", "srcset", "xlink:href", "action"))
    style = root.all("style")[0].content
    assert "@import" not in style
    assert "url(" not in style
    urls = set(re.findall(r"https?://[^\s\"'<)]+", golden_page()))
    assert urls <= {"http://www.w3.org/2000/svg"}
    policy = next(m for m in root.all("meta") if m.attributes.get("http-equiv") == "Content-Security-Policy")
    assert policy.attributes["content"] == "default-src 'none'; style-src 'unsafe-inline'"


def test_the_page_is_small_enough_to_send() -> None:
    """The golden report, with all 811 entries, is under 2 MB."""
    assert len(golden_page().encode()) < 2_000_000


def test_every_entry_is_in_the_index() -> None:
    """The record's index holds each entry once, with its author and its hash."""
    rows = {e.attributes["id"]: e for e in tree().all("tr") if (e.attributes.get("id") or "").startswith("e")}
    assert list(rows) == [f"e{entry.index}" for entry in golden().placed]
    assert "Borovia" in rows["e1"].content
    assert "Signs the terms" in rows["e1"].content


def test_every_change_rests_on_entries_that_can_be_followed() -> None:
    """C2's breach names m1, m2 and m5 and links the three entries that brought it about."""
    article = next(e for e in tree().all("article") if e.attributes["id"] == "duty-C2")
    row = next(r for r in article.all("tr") if "BREACHED" in r.content and "Violation" not in r.content)
    assert "k2 day 21 is REFUTED within the cure window" in row.content
    assert "First monitor (m1), Second monitor (m2) and Neutral body (m5) attest that k2" in row.content
    entries = [int((a.attributes["href"] or "")[2:]) for a in row.all("a")]
    assert [golden().placed[index].author for index in entries] == ["m1", "m2", "m5"]


def test_clauses_stand_with_their_text_and_their_meaning() -> None:
    """Each clause shows the signed text and what the terms make of it."""
    article = next(e for e in tree().all("article") if e.attributes["id"] == "clause-C9")
    assert "deletes everything 30 days after the end" in article.all("blockquote")[0].content
    assert "k9 shows it" in article.content


def test_lives_are_drawn_with_holds_and_suspensions_across() -> None:
    """The swim-lanes hold a bar for each stay, the two stripes, two allegations and six releases."""
    picture = next(svg for svg in tree().all("svg") if svg.all("desc") and "lanes" in str(svg.attributes))
    titles = [title.content for title in picture.all("title")]
    assert any(t.startswith("C2: BREACHED (broken) from 6 Aug 2016 10:00 UTC (D+22)") for t in titles)
    assert any(t.startswith("HELD from 29 Jul 2016 10:00 UTC (D+14)") for t in titles)
    assert any(t.startswith("SUSPENDED from 6 Aug 2016 10:00 UTC (D+22)") for t in titles)
    assert sum("alleges a violation" in t for t in titles) == 2
    assert sum(bool(re.fullmatch(r"T\d released, .*", t)) for t in titles) == 6


def test_exposure_is_charted_and_tabled() -> None:
    """The peak is named in words, and the table shows every delivery."""
    section = next(s for s in tree().all("section") if s.attributes["id"] == "stakes")
    assert "Arandia's exposure was highest, 3.26, on 22 Aug 2016 01:00 UTC (D+38) (T5 is released)" in section.content
    rows = [row.content for row in section.all("table")[0].all("tr")]
    assert sum("is received" in row for row in rows) == 6


def test_private_weights_are_said_to_be_private() -> None:
    """A page made with private weights says so."""
    assert "private ones" in page(weights={"T2": 8})
    assert "private ones" not in page()


@pytest.mark.parametrize("until", [at(-3), at(0), at(9, 3), at(14, 10), at(22, 11)])
def test_pages_of_unfinished_records_are_whole(until: int) -> None:
    """At any moment the page is well formed, its ids unique and its links good."""
    root = tree(page(until=until))
    known = ids(root)
    assert len(known) == len(set(known))
    assert {link[1:] for link in links(root)} <= set(known)


def test_an_empty_record_makes_a_page() -> None:
    """Terms without any entry can be reported on."""
    assert "PROPOSED" in tree(page(Folded(golden_terms(), []))).content


def hostile() -> str:
    """A page whose every free text, title and name is an attack."""
    terms = golden_terms()
    terms = replace(
        terms,
        title=EVIL,
        clauses={name: Clause(title=EVIL, sha256=clause.sha256) for name, clause in terms.clauses.items()},
        claims={name: replace(claim, statement=EVIL) for name, claim in terms.claims.items()},
        duties={name: replace(duty, statement=EVIL) for name, duty in terms.duties.items()},
        tranches={name: replace(tranche, title=EVIL) for name, tranche in terms.tranches.items()},
        actors={name: replace(actor, name=f"{actor.name}{EVIL}", did=EVIL) for name, actor in terms.actors.items()},
    )

    def spoil(body: object) -> object:
        return replace(body, text=EVIL) if isinstance(body, (Allege, Notice, Respond, Determine)) else body

    groups = [(entry.at, [(entry.author, spoil(entry.body))]) for entry in golden().until(at(16))]
    return page(Folded(terms, groups), texts=dict.fromkeys(terms.clauses, EVIL))  # type: ignore[arg-type]


def test_hostile_texts_are_shown_and_do_nothing() -> None:
    """Tags, quotes, templates and control characters in any text come out as text."""
    text = hostile()
    root = tree(text)
    assert root.all("script", "img") == []
    assert not any(name.startswith("on") for e in root.all() for name in e.attributes)
    assert "{{ 7*7 }}" in root.content
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "<script>alert(1)</script>" in root.all("blockquote")[0].content


def test_ids_from_the_terms_cannot_break_the_page() -> None:
    """Odd ids of duties, as a compiler might one day admit, still give unique, safe anchors."""
    terms = golden_terms()
    odd = {'C1.A" onclick="x': terms.duties["C1.A"], "C1.A' x": terms.duties["C1.B"]}
    strange = replace(terms, duties={**{k: v for k, v in terms.duties.items() if not k.startswith("C1")}, **odd})
    strange = replace(
        strange,
        tranches={
            name: replace(tranche, continuous=terms.tranches["T1"].gate) for name, tranche in terms.tranches.items()
        },
    )
    root = tree(page(Folded(strange, [])))
    known = ids(root)
    assert len(known) == len(set(known))
    assert all(re.fullmatch(r"[A-Za-z][\w-]*", name) for name in known)


# --- colours ----------------------------------------------------------------------------------------------------------


def colours(dark: bool) -> dict[str, str]:
    """The page's colour variables in the light or the dark scheme."""
    style = tree().all("style")[0].content
    blocks = re.findall(r":root\s*\{(.*?)\}", style, re.DOTALL)
    found = dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", blocks[0]))
    if dark:
        found |= dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", blocks[1]))
    return found


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two colours (WCAG 2.2)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_text_has_enough_contrast(dark: bool) -> None:
    """Every pair of text and ground reaches 4.5:1 (AA), in both schemes."""
    found = colours(dark)
    pairs = [(ink, ground) for ink in ("ink", "soft", "accent") for ground in ("paper", "card")]
    pairs += [(f"{tone}-ink", tone) for tone in TONES]
    poor = {pair: round(contrast(found[pair[0]], found[pair[1]]), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in poor.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("dark", [False, True])
def test_lines_that_carry_meaning_have_enough_contrast(dark: bool) -> None:
    """The edges of bars and the lines of the chart reach 3:1 against the ground they lie on."""
    found = colours(dark)
    edges = [name for name in found if name.endswith("-edge") and not name.startswith("waiting")]
    poor = {name: round(contrast(found[name], found["card"]), 2) for name in edges}
    assert {name: ratio for name, ratio in poor.items() if ratio < 3} == {}


def test_print_is_always_light() -> None:
    """The dark scheme is for screens only."""
    assert "@media screen and (prefers-color-scheme: dark)" in tree().all("style")[0].content
