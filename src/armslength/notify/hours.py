"""Quiet hours and the daily digest, by the clock on a wall: local times in a zone, whatever summer time does.

Instants are UTC seconds. A local time that a change of summer time skips is the instant at which the clock has leapt
past it; of one that comes twice the first that still lies ahead counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Hours:
    """When a recipient is left alone, from `begins` to `ends` (equal: never), and when its digest goes out."""

    zone: ZoneInfo
    begins: time = time()
    ends: time = time()
    digest: time = time(8)

    def is_quiet(self, now: int) -> bool:
        """Whether it is to be left alone now."""
        local = datetime.fromtimestamp(now, self.zone).time()
        if self.begins <= self.ends:
            return self.begins <= local < self.ends
        return local >= self.begins or local < self.ends

    def quiet_until(self, now: int) -> int:
        """When the quiet hours end in which `now` lies; `now` itself outside of them."""
        if not self.is_quiet(now):
            return now
        return next(at for at in self._instants(self.ends, now) if at > now)

    def next_digest(self, now: int) -> int:
        """When the next digest goes out, after `now`."""
        return next(at for at in self._instants(self.digest, now) if at > now)

    def _instants(self, local: time, now: int) -> Iterator[int]:
        """The instants at which the wall shows this time, around `now` and later, in order."""
        today = datetime.fromtimestamp(now, self.zone).date()
        for day in (today - timedelta(1), today, today + timedelta(1), today + timedelta(2)):
            yield from self._on(day, local)

    def _on(self, day: date, local: time) -> list[int]:
        found = set[int]()
        for fold in (0, 1):
            wanted = datetime.combine(day, local.replace(fold=fold), self.zone)
            at = int(wanted.timestamp())
            if datetime.fromtimestamp(at, self.zone).replace(tzinfo=None, fold=0) == wanted.replace(
                tzinfo=None, fold=0
            ):
                found.add(at)
        return sorted(found) or [self._leap(day, local)]

    def _leap(self, day: date, local: time) -> int:
        """The instant at which the clock has leapt past a time that this day does not have."""
        before = int(datetime.combine(day, local.replace(fold=1), self.zone).timestamp())
        after = int(datetime.combine(day, local.replace(fold=0), self.zone).timestamp())
        low, high = min(before, after), max(before, after)
        offset = datetime.fromtimestamp(low, UTC).astimezone(self.zone).utcoffset()
        while high - low > 1:  # the change lies between them
            middle = (low + high) // 2
            if datetime.fromtimestamp(middle, self.zone).utcoffset() == offset:
                low = middle
            else:
                high = middle
        return high
