"""Monitors without a node who are reminded by a node that they talk to: whoever has shown that an address is its own.

Laws:

1. Only whom live terms name registers, by a token of its key, and one address at a time.
2. Nothing but one message with a link goes to an address before somebody there has followed it, and pressed a button:
   programs that look at links confirm nothing.
3. That message is bounded: for each monitor, for each address, and in all. It says nothing that its sender could
   choose.
4. Every message has a link that ends it, and an address that has ended it is left alone.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import deque
from dataclasses import dataclass, replace
from typing import Final

from armslength.core.canonical import canonical
from armslength.errors import Malformed, Misuse, Refused
from armslength.notify import catalogue
from armslength.notify.mail import Letter, page_of
from armslength.notify.notification import ASKED, NEAR, PASSED, id_of
from armslength.notify.settings import Addressee, check_address
from armslength.ports import Batch, Put, Store
from armslength.wire.own import BASE
from armslength.wire.strict import convert, parse

REGISTRATION, TOKEN, ASKED_AT, LEFT = "reminder", "reminder-token", "reminder-asked", "reminder-left"  # kinds
PATH: Final = f"{BASE}/reminders"
BYTES: Final = 32
DAY_S: Final = 86400
OF_MONITOR: Final = 3  # messages that ask for a confirmation, in a day …
IN_ALL: Final = 50  # … and of all monitors together
ALONE_S: Final = 30 * DAY_S  # for which an address is left alone that has ended it
MOST: Final = 2000  # registrations


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A monitor's address: whether somebody there has confirmed it, and when it was asked to."""

    did: str
    address: str
    token: str
    confirmed: bool = False
    asked: tuple[int, ...] = ()


class Registry:
    """The registrations at one node. Call `load` once, before use."""

    def __init__(self, store: Store, address: str, name: str) -> None:
        self._store = store
        self._address = address
        self._name = name
        self._all: dict[str, Registration] = {}
        self._sent: deque[int] = deque()  # when a confirmation was asked for, in the last day

    async def load(self) -> None:
        """Read them."""
        for row in await self._store.find(REGISTRATION):
            self._all[row.key] = convert(Registration, parse(row.body))

    def reminded(self, did: str) -> Addressee | None:
        """The monitor with this DID, if it is to be reminded."""
        found = self._all.get(did)
        if found is None or not found.confirmed:
            return None
        return Addressee(
            name=name_of(did),
            mail=found.address,
            kinds=frozenset({ASKED, NEAR, PASSED}),
            stop=self._link("stop", found.token),
        )

    def named(self, name: str) -> Addressee | None:
        """The same by its name among addressees."""
        return self.reminded(name.removeprefix(name_of("")))

    # --- what monitors ask -------------------------------------------------------------------------------------------

    async def register(self, did: str, address: str, now: int) -> Letter | None:
        """Take in an address; the message that asks whoever is there. None where there is nothing to ask. An empty
        address ends it. Raises Malformed, Refused."""
        known = self._all.get(did)
        if not address:
            if known is not None:
                await self._forget(known)
            return None
        try:
            check_address(address, "address")
        except Misuse as error:
            raise Malformed("bad-address", error.reason, "address") from None
        if known is not None and known.address == address and known.confirmed:
            return None
        asked = tuple(at for at in (known.asked if known else ()) if at > now - DAY_S)
        await self._check(address, asked, now)
        made = Registration(did=did, address=address, token=secrets.token_urlsafe(BYTES), asked=(*asked, now))
        puts = [
            Put(REGISTRATION, did, None, canonical(made)),
            Put(TOKEN, _digest(made.token), None, did.encode()),
            Put(ASKED_AT, _digest(address), None, str(now).encode()),
        ]
        await self._store.commit(Batch(puts=puts, deletes=[(TOKEN, _digest(known.token))] if known else []))
        self._all[did] = made
        self._sent.append(now)
        link = self._link("confirm", made.token)
        lines = [each.format(name=self._name, link=link) for each in catalogue.CONFIRM]
        return Letter(
            id=id_of(did, made.token),
            to=address,
            at=now,
            subject=catalogue.CONFIRM_SUBJECT,
            text="\n\n".join(lines) + "\n",
            html=page_of(lines),
            stop=self._link("stop", made.token),
        )

    async def _check(self, address: str, asked: tuple[int, ...], now: int) -> None:
        """Whether an address may be asked now. Raises Refused."""
        while self._sent and self._sent[0] <= now - DAY_S:
            self._sent.popleft()
        left, last = await self._at(LEFT, address), await self._at(ASKED_AT, address)
        if left > now - ALONE_S:
            raise Refused("left-alone", "whoever is there has asked to be left alone", "address")
        if last > now - DAY_S or len(asked) >= OF_MONITOR or len(self._sent) >= IN_ALL or len(self._all) >= MOST:
            raise Refused("too-often", "it has been asked for often enough; try again in a day", "address")

    async def _at(self, kind: str, address: str) -> int:
        row = await self._store.get(kind, _digest(address))
        return int(row.body) if row else 0

    # --- what whoever is at the address says -------------------------------------------------------------------------

    async def confirm(self, token: str) -> bool:
        """Somebody at the address confirms; False for a link that leads nowhere."""
        found = await self._of(token)
        if found is None:
            return False
        done = replace(found, confirmed=True)
        await self._store.commit(Batch(puts=[Put(REGISTRATION, done.did, None, canonical(done))]))
        self._all[done.did] = done
        return True

    async def stop(self, token: str, now: int) -> bool:
        """Somebody at the address ends it; False for a link that leads nowhere."""
        found = await self._of(token)
        if found is None:
            return False
        await self._forget(found, Put(LEFT, _digest(found.address), None, str(now).encode()))
        return True

    async def _of(self, token: str) -> Registration | None:
        row = await self._store.get(TOKEN, _digest(token))
        found = self._all.get(row.body.decode()) if row else None
        return found if found is not None and secrets.compare_digest(found.token.encode(), token.encode()) else None

    async def _forget(self, found: Registration, *puts: Put) -> None:
        deletes = [(REGISTRATION, found.did), (TOKEN, _digest(found.token))]
        await self._store.commit(Batch(puts=puts, deletes=deletes))
        self._all.pop(found.did, None)

    def _link(self, what: str, token: str) -> str:
        return f"{self._address}{PATH}/{what}/{token}"


def name_of(did: str) -> str:
    """What a reminded monitor is called among addressees."""
    return f"reminder {did}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
