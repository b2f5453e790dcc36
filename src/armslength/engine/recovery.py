"""Going on with a journal that is an older copy: what others show of ours is put together with what it holds."""

from __future__ import annotations

from dataclasses import replace

from armslength.core.record.entry import Entry, Refusal
from armslength.wire.own import PAST, PENDING, REFUSED, JournalEntry, NumberedRefusal


def declined(entry: Entry, refusal: Refusal) -> NumberedRefusal:
    """A refusal that an entry carries is of one with the same number and predecessor."""
    return NumberedRefusal(author=entry.author, number=entry.author_seq, prev=entry.author_prev, refusal=refusal)


def recovered(
    first: int, journal: dict[str, JournalEntry], fresh: dict[str, JournalEntry], refused: dict[str, NumberedRefusal]
) -> dict[str, JournalEntry]:
    """Our entries by hash, now that the record is known to hold ours below number `first`, and others show `fresh`.

    What our journal holds where others show another entry, of which no refusal is known, was written since the node is
    back, and sent to nobody: it is void, and so is what follows it.
    """
    found = {**fresh, **journal}
    for name, written in found.items():
        if written.refusal is None and name in refused:
            found[name] = replace(written, status=REFUSED, refusal=refused[name].refusal)
    taken = {w.entry.author_seq for name, w in found.items() if name in fresh and w.status == PENDING}
    void = min(
        (
            w.entry.author_seq
            for name, w in found.items()
            if name not in fresh and w.entry.author_seq in taken and w.status == PENDING
        ),
        default=2**63,
    )
    return {
        name: replace(written, status=PAST)
        if written.entry.author_seq < first
        or (name not in fresh and written.status == PENDING and written.entry.author_seq >= void)
        else written
        for name, written in found.items()
    }


def chained(link: tuple[int, str], found: dict[str, JournalEntry]) -> tuple[tuple[int, str], str | None]:
    """Where our entries that follow each other from `link` on end; and in words whether one is missing among them."""
    left = {name: each.entry for name, each in found.items() if each.status == PENDING}
    while fitting := [name for name, each in left.items() if (each.author_seq, each.author_prev) == link]:
        del left[fitting[0]]
        link = link[0] + 1, fitting[0]
    lost = [each.author_seq for each in left.values() if each.author_prev not in found]
    return link, f"our entry {min(lost)} is shown, and nobody shows what came before it" if lost else None
