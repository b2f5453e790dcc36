"""A deadline in people's calendars, between whole nodes: invited, moved by a suspension, cancelled when done."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

from armslength.core.arrangement.bodies import Attest, Perform, Resume
from armslength.core.arrangement.terms import Arrangement, Due
from armslength.notify.feed import Feed
from armslength.notify.mail import message_of
from armslength.notify.notification import NEAR, PASSED
from armslength.views.tasks import PERFORM, tasks
from tests.golden.terms import DAY, EFFECTIVE, at
from tests.notify.outside import by_mail, settings
from tests.notify.test_calendar import events
from tests.notify.test_notifier import Watched
from tests.sim.harness import World, world_terms
from tests.sim.virtual import play

TO = settings(by_mail(invitations=True), by_mail("keepers@a.example", invitations=True, roles=frozenset({"keeper"})))


def terms() -> Arrangement:
    """A breach by A suspends at once; B owes something within fourteen days of the start."""
    base = world_terms()
    duties = {
        "C1.A": replace(base.duties["C1.A"], cure=0, remedy_run=1),
        "C5a": replace(base.duties["C5a"], trigger=EFFECTIVE, due=Due(anchor="trigger", after=14 * DAY)),
    }
    claims = {name: base.claims[name] for name in ("k1a", "k5a")}
    return replace(base, claims=claims, duties=duties, tranches={}, parties=base.parties)


class Calendars:
    """What comes into the calendars of B's people: by mail, and by the feed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.watched = Watched(world, "B", TO)
        self.clock = float(at(0))
        self.feed = Feed(world.nodes["B"].store, "https://b.example", TO.host, lambda: self.clock)

    async def mailed(self) -> list[Any]:
        """Every invitation since the last time, in order, as its message is read by other libraries."""
        outbox, found = self.watched.outbox, []
        assert outbox is not None
        letters = sorted((each for each in outbox.letters.values() if each.calendar), key=lambda each: each.at)
        for letter in letters:
            assert letter.to == "ops@a.example"
            raw = message_of(letter, "node@a.example", letter.to).as_bytes()
            (part,) = (
                each
                for each in message_from_bytes(raw, policy=default).walk()
                if each.get_content_type() == "text/calendar"
            )
            text = part.get_payload(decode=True)
            assert isinstance(text, bytes)
            (event,) = events(text.decode())
            assert part["Content-Type"].params["method"] == letter.method
            assert f"METHOD:{letter.method}\r\n" in text.decode()
            assert (letter.method == "CANCEL") == (event["STATUS"] == "CANCELLED")
            found.append(event)
            await outbox.delivered(letter)
        return found

    async def of_duty(self) -> Any:
        """The one message about the duty; the feed shows the same entry."""
        (event,) = (each for each in await self.mailed() if "Perform" in each["SUMMARY"])
        shown = {spot(each) for each in await self.fed()}
        assert (spot(event) in shown) == (event["STATUS"] != "CANCELLED")
        return event

    async def fed(self) -> list[Any]:
        """The entries about the duty in the feed, read anew."""
        self.clock += 3600
        url = await self.feed.url() or await self.feed.url(renew=True)
        assert url is not None
        text = await self.feed.read(url.rpartition("/")[2].removesuffix(".ics"))
        assert text is not None
        return [each for each in events(text) if "Perform" in each["SUMMARY"]]


def spot(event: Any) -> tuple[str, int, str, int]:
    """What tells one state of an entry from another."""
    return (
        str(event["UID"]),
        int(event["SEQUENCE"]),
        str(event["STATUS"]),
        int(event["DTEND"].dt.timestamp()),
    )


async def attest(world: World, period: int, *, value: bool) -> None:
    """Enough monitors say the same of a day."""
    for who in ("m1", "m2", "m5"):
        await world.say(who, Attest(claim="k1a", period=period, value=value))
    await world.rest()


def test_a_suspension_moves_the_entry_and_its_end_moves_it_back(tmp_path: Path) -> None:
    """Under one UID, each time with a higher SEQUENCE; and when B has done it the entry is cancelled."""

    async def story() -> None:
        async with World(tmp_path, terms()) as world:
            calendars = Calendars(world)
            await calendars.watched.begin()
            await world.clock(at(-3))
            await world.agree()
            await world.rest()
            await world.clock(at(0))
            await world.rest()
            found = [await calendars.of_duty()]

            await world.clock(at(1))
            await attest(world, 0, value=False)
            live = await world.nodes["B"].live()
            assert live.record.view.state.shown == "SUSPENDED"
            found.append(await calendars.of_duty())
            assert "paused" in found[-1]["DESCRIPTION"]

            await world.clock(at(2))
            await attest(world, 1, value=True)
            await world.clock(at(14, 12))  # its day has passed meanwhile, and nobody is late
            await world.rest()
            assert not [each for each in await calendars.mailed() if "Perform" in each["SUMMARY"]]
            (task,) = (
                each for each in tasks(world.terms, live.record.view.state, "B", at(14, 12)) if each.kind == PERFORM
            )
            assert (task.until, task.latest) == (None, at(28))
            assert "its clock is paused" in task.text
            calendars.watched.collect()
            assert not [each for each in calendars.watched.said if each[:2] in {(PASSED, PERFORM), (NEAR, PERFORM)}]
            for party in ("A", "B"):
                await world.say(party, Resume())
            await world.rest()
            assert live.record.view.state.shown == "EFFECTIVE"
            found.append(await calendars.of_duty())

            await world.say("B", Perform(duty="C5a"))
            await world.rest()
            found.append(await calendars.of_duty())
            assert not await calendars.fed()

            assert len({each["UID"] for each in found}) == 1
            assert [int(each["SEQUENCE"]) for each in found] == [
                2,
                3,
                4,
                5,
            ]  # above that of the signature, which has been cancelled
            assert [str(each["STATUS"]) for each in found] == ["CONFIRMED", "TENTATIVE", "CONFIRMED", "CANCELLED"]
            ends = [int(each["DTEND"].dt.timestamp()) for each in found]
            assert ends == [at(14), at(28), at(27, 12), at(27, 12)]  # thirteen days were left when it was paused

    play(story())
