"""Queries of our own paths are read as they were written."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from armslength.errors import Malformed
from armslength.wire.queries import HeadQuery, LeavesQuery, NamingQuery


@pytest.mark.parametrize(
    "query",
    [
        LeavesQuery(),
        LeavesQuery(start=12),
        HeadQuery(),
        HeadQuery(author="m 1&x=y", entries=("a" * 64, "b" * 64)),
        NamingQuery(),
        NamingQuery(start="ende/é", known=("a" * 64,)),
    ],
)
def test_a_query_is_read_as_it_was_written(query: LeavesQuery | HeadQuery | NamingQuery) -> None:
    """Whatever stands in it; and what is not known is passed over."""
    pairs = parse_qsl(str(query), keep_blank_values=True)
    assert type(query).read(pairs) == query
    assert type(query).read([*pairs, ("later", "1")]) == query


@pytest.mark.parametrize("text", ["", "-1", "1.5", "²", "٣", "9" * 16])
def test_a_start_is_a_number(text: str) -> None:
    """Digits, and not too many."""
    with pytest.raises(Malformed) as refused:
        LeavesQuery.read([("start", text)])
    assert refused.value.place == "start"
