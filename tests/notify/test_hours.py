"""Quiet hours and digests by local time, across changes of summer time."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from armslength.notify.hours import Hours

BERLIN = ZoneInfo("Europe/Berlin")  # 29 Mar 2026 02:00 → 03:00; 25 Oct 2026 03:00 → 02:00
NIGHT = Hours(BERLIN, time(22), time(7), time(8))


def utc(text: str) -> int:
    """UTC seconds of `2026-03-29 01:00`."""
    return int(datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-01-10 20:59", "2026-01-10 20:59"),  # 21:59 in Berlin: not yet
        ("2026-01-10 21:00", "2026-01-11 06:00"),  # 22:00 to 07:00, an hour ahead
        ("2026-07-10 20:00", "2026-07-11 05:00"),  # two hours ahead in summer
        ("2026-07-11 04:59", "2026-07-11 05:00"),
        ("2026-07-11 05:00", "2026-07-11 05:00"),
        ("2026-03-28 21:30", "2026-03-29 05:00"),  # the night that is an hour shorter
        ("2026-10-24 20:30", "2026-10-25 06:00"),  # and the one that is longer
    ],
)
def test_quiet_hours_end_by_the_clock_on_the_wall(now: str, until: str) -> None:
    """Winter and summer, and in the nights in which the clock changes."""
    assert NIGHT.quiet_until(utc(now)) == utc(until)


def test_a_digest_comes_once_a_day_at_its_local_time() -> None:
    """Also on the days on which the clock changes: in local time it is always eight."""
    at, seen = utc("2026-03-01 12:00"), []
    for _ in range(300):
        at = NIGHT.next_digest(at)
        seen.append(datetime.fromtimestamp(at, BERLIN))
    assert {each.time() for each in seen} == {time(8)}
    assert [each.date() - seen[0].date() for each in seen] == [timedelta(n) for n in range(300)]


def test_a_time_that_a_day_lacks_is_when_the_clock_leaps() -> None:
    """Half past two does not exist on 29 March: what is due then is due at three, which is 01:00 UTC."""
    hours = Hours(BERLIN, digest=time(2, 30))
    assert hours.next_digest(utc("2026-03-28 12:00")) == utc("2026-03-29 01:00")
    assert hours.next_digest(utc("2026-03-29 01:00")) == utc("2026-03-30 00:30")


def test_a_time_that_comes_twice() -> None:
    """Half past two comes twice on 25 October; quiet hours that end then have ended after the second at the latest."""
    hours = Hours(BERLIN, time(23), time(2, 30))
    assert hours.quiet_until(utc("2026-10-24 22:00")) == utc("2026-10-25 00:30")
    assert hours.quiet_until(utc("2026-10-25 01:10")) == utc("2026-10-25 01:30")  # 02:10 for the second time


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"])
def test_whatever_the_hour_quiet_hours_end_and_within_a_day(zone: str) -> None:
    """Every ten minutes of two years: the end lies ahead, at most 25 h away, and is not quiet."""
    hours = Hours(ZoneInfo(zone), time(1, 45), time(2, 15))
    for now in range(utc("2026-01-01 00:00"), utc("2027-12-31 00:00"), 600):
        if hours.is_quiet(now):
            until = hours.quiet_until(now)
            assert now < until <= now + 25 * 3600
            assert not hours.is_quiet(until)
        else:
            assert hours.quiet_until(now) == now


def test_without_quiet_hours_it_is_never_quiet() -> None:
    """Beginning and end are the same."""
    hours = Hours(ZoneInfo("UTC"))
    assert not any(hours.is_quiet(hour * 3600) for hour in range(48))
