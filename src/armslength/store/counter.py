"""How many transactions a database has seen, kept in a small file beside it: it distinguishes an older copy from the
latest.

Laws:

1. The number in the file is written after a transaction is on disk and before anybody hears of it. So a database that
   knows of fewer is an older one, or has lost its log.
2. The file holds the time at which it was written, and the system knows when it was last changed (`st_ctime`, which
   nobody can set): where the two differ, somebody else has put it there, with the whole folder most probably.
3. It is not flushed. It only ever says too little, after a power cut, about transactions of the last moments.

What is copied below the file system (a snapshot of a disk) looks untouched: such a copy is known by what others show.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Final

SUFFIX: Final = ".count"  # in place of the database's own: whoever clears away the database leaves it
TOUCHED_NS: Final = 2_000_000_000  # between our clock's time and the system's for one write, at most
FORM: Final = re.compile(rb"(\d{20}) (\d{20})\n")


class Counter:
    """The file beside a database, kept open (rule 11.4a)."""

    def __init__(self, database: Path) -> None:
        place = database.with_suffix(SUFFIX)
        self.number = 0
        self._file = os.open(place, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        if os.fstat(self._file).st_mode & 0o177:
            place.chmod(0o600)

    def read(self) -> tuple[int | None, bool]:
        """The number, None if there is none; and whether the file is unchanged since this program wrote it."""
        found = FORM.fullmatch(os.pread(self._file, 64, 0))
        if found is None:
            return None, False
        return int(found[1]), abs(os.fstat(self._file).st_ctime_ns - int(found[2])) < TOUCHED_NS

    def write(self, number: int) -> None:
        """Note a number."""
        self.number = number
        os.pwrite(self._file, b"%020d %020d\n" % (number, time.time_ns()), 0)

    def advance(self) -> None:
        """Note the next number."""
        self.write(self.number + 1)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def begin(database: Path) -> None:
    """Note that nothing was ever written here: for a new identity, before its database is made."""
    counter = Counter(database)
    if counter.read()[0] is None:
        counter.write(0)
    counter.close()


def last(database: Path) -> int:
    """The number beside a database that may be missing; 0 if there is none."""
    try:
        found = FORM.fullmatch(database.with_suffix(SUFFIX).read_bytes())
    except OSError:
        return 0
    return int(found[1]) if found else 0
