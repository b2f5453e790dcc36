"""Clocks that differ: whose is wrong, and that nobody else is accused."""

from __future__ import annotations

from email.utils import formatdate

from armslength.engine.skew import CLOCK, ClockSkew
from armslength.engine.troubles import Troubles
from armslength.views import troubles as views

NOW = 1_750_000_000.0


def heard(**ahead: int) -> list[str]:
    """What is told after others have shown clocks over which ours is so many seconds ahead."""
    troubles = Troubles(clock=lambda: NOW)
    skew = ClockSkew(troubles, lambda: NOW)
    for host, seconds in ahead.items():
        skew.heard(f"https://{host}.example/armslength/1/head", formatdate(NOW - seconds, usegmt=True))
    return [each.reason for each in troubles.listed() if each.what == CLOCK]


def test_a_clock_that_most_others_contradict_is_ours() -> None:
    """Ahead or behind; and a few seconds are nothing."""
    assert heard(a=90, b=91, c=0) == ["it is 91 s ahead of what a.example and b.example show"]
    assert heard(a=-90, b=-95) == ["it is 90 s behind what a.example and b.example show"]
    assert heard(a=5, b=-12) == []
    assert heard(a=90, b=0, c=1) == []  # that is a's trouble
    assert heard(a=99, b=99, c=99, d=99, e=99)[0].endswith("a.example and b.example and c.example and 2 others show")


def test_of_two_clocks_nobody_knows_which_is_wrong() -> None:
    """With one other node alone it is said so."""
    assert "or that one's is wrong" in heard(a=90)[0]


def test_it_is_over_once_clocks_agree() -> None:
    """And what is no date changes nothing."""
    troubles = Troubles(clock=lambda: NOW)
    skew = ClockSkew(troubles, lambda: NOW)
    for date in (formatdate(NOW - 90, usegmt=True), "nonsense", "", "Mon, 99 Foo 0000 00:00:00 GMT"):
        skew.heard("https://a.example/", date)
    assert len(troubles.listed()) == 1
    skew.heard("https://a.example/", formatdate(NOW, usegmt=True))
    assert troubles.listed() == []


def test_views_know_it_by_the_same_name() -> None:
    """So that they accuse nobody else."""
    assert views.CLOCK == CLOCK
