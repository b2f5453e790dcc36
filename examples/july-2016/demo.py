"""Play the July 2016 arrangement between separate processes, in simulated time, with real files, and prove it.

    make demo                 or: python examples/july-2016/demo.py [--out DIR] [--kills N --seed S]

Leaves `bundle/`, `report.html` and `timeline.txt` in the folder. Exits 0 only if every state was as the script says,
all nodes and the offline verifier agree on one state root, and a tampered copy was refused. `--kills` kills nodes with
kill -9 at random moments meanwhile; nothing may change by that.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from stage import HERE, NODES, Failed, Stage, capture, telling

D = 1468540800  # 2016-07-15T00:00:00Z, as in arrangement.yaml
DAY, HOUR = 86400, 3600
CESSATION, GROUNDED = ("k1a", "k1b"), "k2"

FILES = {
    "T1": "Methodology note and index",
    "T2": "Historical summaries",
    "T3": "Weekly summary 1",
    "T4": "Weekly summary 2",
    "T5": "Weekly summary 3",
    "T6": "Weekly summary 4",
}
# Arandia lets itself be late with T2, a minute after the scene begins; and it takes its time with T3.
EMBARGO = {"T2": (9, 6, 1), "T3": (15, 0, 0)}

Act = Callable[["Play"], None]


@dataclass(frozen=True)
class Scene:
    """What happens at D + `day` d `hour` h, in words and as acts, and the states that must follow."""

    day: int
    hour: int
    told: str
    acts: tuple[Act, ...] = ()
    expected: dict[str, str] = field(default_factory=dict)


def attest(who: tuple[str, ...], claims: tuple[str, ...], period: int, value: bool = True) -> Act:
    """Monitors attest claims for one period."""
    names = [f"{claim}#{period}" for claim in claims]
    word = "--true" if value else "--false"

    def act(play: Play) -> None:
        for monitor in who:
            play.by(monitor, "attest", *names, word)

    return act


ALL = ("m1", "m2", "m3", "m4", "m5")


def day(period: int) -> tuple[Act, ...]:
    """A clean day, attested by all five."""
    return (attest(ALL, (*CESSATION, GROUNDED), period),)


def cessation(period: int) -> tuple[Act, ...]:
    """The cessation alone."""
    return (attest(ALL, CESSATION, period),)


def week(number: int) -> tuple[Act, ...]:
    """A clean week of humanitarian access."""
    return (attest(("h",), ("k6a", "k6b"), number),)


def says(who: str, *arguments: str) -> Act:
    """Any other statement."""

    def act(play: Play) -> None:
        play.by(who, *arguments)

    return act


def a_minute_later(play: Play) -> None:
    """Time passes within a scene: what a node does as soon as its clock says so must not find the others far behind,
    for of the times at which they stamp it the earliest counts."""
    play.pass_time(60)


def event(claim: str) -> tuple[Act, ...]:
    """The convenor and the humanitarian body attest a milestone."""
    return tuple(says(who, "attest", claim, "--true") for who in ("v", "h"))


def false(period: int, *who: str) -> tuple[Act, ...]:
    """Monitors attest that aircraft flew."""
    return (attest(who, (GROUNDED,), period, value=False),)


def clean_days(first: int, last: int, told: str) -> list[Scene]:
    """Scenes D+first … D+last 01:00, each attesting the day before; the weekly attestation joins where a week ends."""
    scenes = []
    for number in range(first, last + 1):
        acts = day(number - 1) + (week(number // 7 - 1) if number % 7 == 0 else ())
        scenes.append(Scene(number, 1, told if number == first else "", acts))
    return scenes


def script() -> list[Scene]:
    """The golden scenario, row by row."""
    effective = {"arrangement": "EFFECTIVE"}
    notice = ("--start", iso(9, 9), "--end", iso(9, 12), "--text", "medical evacuation flight")
    return [
        Scene(0, 0, "Day D: the arrangement takes effect; Arandia delivers the methodology note.", (),
              {**effective, "T1": "SETTLED"}),
        *clean_days(1, 6, "Six clean days: five monitors attest the cessation and the grounded aircraft, every day."),
        Scene(7, 1, "The seventh clean day opens the historical summaries: the ciphertext is delivered first.",
              day(6) + week(0), {"T2": "DELIVERED", "T3": "LOCKED"}),
        Scene(8, 1, "", day(7)),
        Scene(8, 20, "Borovia gives notice of a medical flight, thirteen hours before it.",
              (says("B", "notify", "k2", *notice),)),
        Scene(9, 1, "", day(8)),
        Scene(9, 2, "Arandia is late with the key of the historical summaries.", (), {"T2.release": "OVERDUE"}),
        Scene(9, 6, "Arandia releases the key after all.", (a_minute_later,), {"T2": "SETTLED", "T2.release": "CURED"}),
        Scene(9, 10, "Two monitors report the flight.", false(9, "m1", "m2"), {"C2": "ACTIVE"}),
        Scene(10, 1, "Three monitors attest that it was the notified one: the day is excused.",
              (attest(("m3", "m4", "m5"), ("x2",), 9), *cessation(9)), {"C2": "ACTIVE", **effective}),
        *clean_days(11, 13, "Clean days again."),
        Scene(14, 1, "A second clean week: the first weekly summary is delivered, sealed.", day(13) + week(1),
              {"T3": "DELIVERED", "transfer T3": "STARTED"}),
        Scene(14, 10, "Two monitors report a flight; Arandia alleges a violation and asks for a hold; Borovia denies.",
              (*false(14, "m1", "m2"), says("A", "allege", "k2#14", "--hold"),
               says("B", "respond", "A/k2/14", "--deny")),
              {"arrangement": "HELD", "T3": "WITHHELD", "T6": "WITHHELD", "transfer T3": "SUSPENDED",
               "A/k2/14": "DENIED OPEN"}),
        Scene(15, 1, "", cessation(14)),
        Scene(15, 10, "The determiners dismiss the allegation; the day is attested clean; the summary is released.",
              (*(says(m, "determine", "A/k2/14", "--dismiss") for m in ("m3", "m4", "m5")),
               attest(("m3", "m4", "m5"), (GROUNDED,), 14)),
              {**effective, "T3": "SETTLED", "A/k2/14": "DENIED DISMISSED", "transfer T3": "COMPLETED"}),
        Scene(16, 1, "", day(15)),
        Scene(16, 9, "The nominations are made: the political process has begun.", event("k5a"), {"C5a": "FULFILLED"}),
        *clean_days(17, 20, "Four more clean days."),
        Scene(20, 10, "Three monitors, the neutral body among them, report a flight without notice. Borovia denies it.",
              (*false(20, "m1", "m2", "m5"), says("A", "allege", "k2#20"), says("B", "respond", "A/k2/20", "--deny")),
              {"A/k2/20": "DENIED UPHELD", "C2": "OVERDUE", "T4": "WITHHELD", "T6": "WITHHELD", **effective}),
        Scene(21, 1, "", cessation(20) + week(2)),
        Scene(22, 1, "", cessation(21)),
        Scene(22, 10, "Another flight while a cure was due: a breach. Everything to come is suspended.",
              false(21, "m1", "m2", "m5"), {"C2": "BREACHED", "arrangement": "SUSPENDED"}),
        Scene(23, 1, "", cessation(22)),
        Scene(23, 10, "", false(22, "m1", "m2", "m5")),
        Scene(24, 1, "", cessation(23)),
        Scene(24, 10, "", false(23, "m1", "m2", "m5")),
        Scene(25, 1, "Two clean days remedy the breach.", day(24)),
        Scene(26, 1, "", day(25), {"C2": "ACTIVE", "arrangement": "SUSPENDED"}),
        Scene(26, 10, "Both sides agree to resume.", (says("A", "resume"), says("B", "resume")),
              {**effective, "C2": "ACTIVE", "T4": "LOCKED"}),
        *clean_days(27, 30, "Clean days; then a summary for every clean week."),
        Scene(31, 1, "", day(30), {"T4": "SETTLED"}),
        *clean_days(32, 37, ""),
        Scene(38, 1, "", day(37), {"T5": "SETTLED"}),
        Scene(38, 9, "The first session takes place.", event("k5b"), {"C5b": "FULFILLED"}),
        *clean_days(39, 44, ""),
        Scene(45, 1, "", day(44), {"T6": "SETTLED"}),
        Scene(46, 0, "The term ends."),
        Scene(46, 1, "The last day and week are attested: the arrangement is completed, with its breach on record.",
              day(45) + week(6),
              {"arrangement": "COMPLETED", "C2": "REMEDIED", "C9": "ACTIVE", "C1.A": "FULFILLED",
               "C6.B": "FULFILLED"}),
    ]  # fmt: skip


def iso(day: int, hour: int, minute: int = 0) -> str:
    """D + day, hour, minute as UTC text."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(D + day * DAY + hour * HOUR + minute * 60))


class Play:
    """The script on its stage, told as it goes."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._last: dict[str, str] = {}
        self._now = 0
        self.by = stage.by

    def pass_time(self, seconds: int) -> None:
        """Let time go on."""
        self._now += seconds
        self._stage.set_clock(self._now)

    def scene(self, scene: Scene) -> None:
        """Play one scene; tell what it changed; check what must follow. Raises Failed."""
        self.pass_time(D + scene.day * DAY + scene.hour * HOUR - self._now)
        for act in scene.acts:
            act(self)
        self._stage.rest()
        view = self._stage.view("A")
        states = _states(view) | {f"transfer {name}": state for name, state in view["transfers"].items()}
        self._tell(scene, states, view)
        wrong = {k: (states.get(k), v) for k, v in scene.expected.items() if states.get(k) != v}
        if wrong:
            told = "; ".join(f"{name} is {found}, not {wanted}" for name, (found, wanted) in wrong.items())
            raise Failed(f"D+{scene.day} {scene.hour:02}:00: {told}")

    def _tell(self, scene: Scene, states: dict[str, str], view: dict[str, Any]) -> None:
        changed = [
            f"{name} {state}" for name, state in sorted(states.items()) if self._last.get(name, "LOCKED") != state
        ]
        quiet = {"PENDING", "ACTIVE", "REQUESTED"} if not self._last else set()
        changed = [each for each in changed if each.rpartition(" ")[2] not in quiet]
        self._last = states
        if not (scene.told or changed):
            return
        stake = ", ".join(f"{view['parties'][who]} {value:.2f}" for who, value in view["exposure"].items())
        print(f"\nD+{scene.day:<2} {scene.hour:02}:00  {scene.told}".rstrip())
        if changed:
            print(textwrap.fill(", ".join(changed), 100, initial_indent=" " * 11 + "→ ", subsequent_indent=" " * 13))
        print(f"{' ' * 13}at stake: {stake}", flush=True)


def _states(view: dict[str, Any]) -> dict[str, str]:
    found = {"arrangement": view["state"]}
    for group in ("duties", "tranches"):
        found |= {item["id"]: item["state"] for item in view[group]}
    for item in view["allegations"]:
        found[item["id"]] = f"{item['answer'] or 'UNANSWERED YET'} {item['outcome']}"
    return found


def agree(stage: Stage) -> str:
    """From a draft to signatures; returns the arrangement's hash."""
    stage.set_clock(D - 4 * DAY)
    draft = stage.by("A", "propose", str(stage.terms(("reply: 24h", "reply: 12h"))), "--note", "first draft")
    print(f"Arandia proposes terms {draft['arrangement'][:12]}…")
    answer = stage.by("B", "counter", str(stage.terms()), "--note", "a day to answer an allegation")
    print(f"Borovia counters with {answer['arrangement'][:12]}…, which differ in:")
    for difference in answer["differences"]:
        print(f"    {difference['sentence']}")
    arrangement: str = answer["arrangement"]
    stage.by("B", "decline", draft["arrangement"], "--reason", "half a day is too short to answer an allegation")
    stage.by("m5", "decline", draft["arrangement"], "--reason", "Borovia has answered these terms with others")
    office = stage.by("m5", "accept", arrangement)
    print(f"The neutral body accepts its office: {', '.join(office['roles'])}")
    stage.set_clock(D - 3 * DAY)
    for who in ("A", "B"):
        stage.by(who, "sign", arrangement)
    stage.rest()
    print(f"Both sign the same bytes: arrangement {arrangement}")
    return arrangement


def publish(stage: Stage) -> None:
    """Arandia seals its files: real ones, of invented content."""
    stage.set_clock(D - 2 * DAY)
    folder = stage.out / "files"
    folder.mkdir()
    for number, (tranche, title) in enumerate(FILES.items(), 1):
        file = folder / f"{tranche}.md"
        lines = "".join(
            f"Paragraph {line}: an invented, aggregated, delayed statement.\n" for line in range(2000 * number)
        )
        file.write_text(f"# {title}\n\n{lines}", encoding="utf-8")
        embargo = ("--release-after", iso(*EMBARGO[tranche])) if tranche in EMBARGO else ()
        stage.by("A", "publish", tranche, str(file), *embargo)
    stage.rest()
    print("At stake is what a party has irrevocably given, less what it has verifiably received; every item counts 1.")
    print("Arandia seals six files; every one has a dataset, a negotiated agreement and a transfer that waits.")


def prove(stage: Stage, arrangement: str) -> None:
    """Compare, export, verify, report, tamper. Raises Failed."""
    roots = {who: stage.view(who)["state_root"] for who in NODES}
    if len(set(roots.values())) != 1:
        raise Failed(f"the nodes disagree: {roots}")
    bundle, report = stage.out / "bundle", stage.out / "report.html"
    stage.by("m5", "export", str(bundle))
    code, verdict = capture(("verify", str(bundle), "--expect", arrangement))
    if code != 0 or roots["A"] not in verdict:
        raise Failed(f"the verifier reaches another end than the nodes: {verdict}")
    for tranche in FILES:
        received = stage.out / "received" / f"{tranche}.md"
        received.parent.mkdir(exist_ok=True)
        stage.by("B", "fetch", tranche, "--out", str(received))
        if received.read_bytes() != (stage.out / "files" / f"{tranche}.md").read_bytes():
            raise Failed(f"{tranche} is not what Arandia sealed")
    _, timeline = capture(("record", "--bundle", str(bundle)))
    (stage.out / "timeline.txt").write_text(timeline, encoding="utf-8")
    stage.command("report", str(bundle), "--out", str(report), "--expect", arrangement, "--json")
    print("\nBorovia holds all six files, byte for byte. Three nodes and the offline verifier agree:")
    print(verdict)
    tamper(stage, bundle)


def tamper(stage: Stage, bundle: Path) -> None:
    """One monitor's word in the record is turned round, in a copy. It must be refused."""
    copy = stage.out / "tampered"
    shutil.copytree(bundle, copy)
    path = copy / "record" / "00000000.jsonl"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"value":false', '"value":true', 1), encoding="utf-8")
    code, verdict = capture(("verify", str(copy)))
    if code != 1:
        raise Failed("the tampered copy was not refused")
    print("A copy in which one monitor's word was turned round:")
    print(verdict)


class Killer(threading.Thread):
    """kill -9 of a random node at random moments, each restarted at once."""

    def __init__(self, stage: Stage, kills: int, seed: int) -> None:
        super().__init__(daemon=True)
        self._stage = stage
        self._left = kills
        self._random = random.Random(seed)
        self._over = threading.Event()
        self.killed: list[str] = []

    def run(self) -> None:
        """Kill until there were enough, or the play is over."""
        while self._left and not self._over.wait(self._random.uniform(0.2, 2.0)):
            who = self._random.choice(sorted(NODES))
            self._stage.kill(who)
            self.killed.append(who)
            self._stage.start(who)
            self._left -= 1

    def stop(self) -> None:
        """No more kills."""
        self._over.set()
        self.join()


def play(out: Path, kills: int, seed: int) -> None:
    """The whole of it. Raises Failed."""
    with Stage(out) as stage:
        with telling("creating identities for two parties, a neutral body and six monitors"):
            stage.create_identities()
        with telling("starting three nodes as processes of their own"):
            stage.start(*NODES)
        killer = Killer(stage, kills, seed)
        arrangement = agree(stage)
        publish(stage)
        if kills:
            killer.start()
        acts = Play(stage)
        for scene in script():
            acts.scene(scene)
        if kills:
            killer.stop()
            print(f"\nNodes were killed {len(killer.killed)} times: {' '.join(killer.killed)}")
        prove(stage, arrangement)


def main() -> int:
    """Command line. Returns the exit code."""
    options = argparse.ArgumentParser(description="Play the July 2016 arrangement and prove it.")
    options.add_argument("--out", type=Path, default=HERE.parent.parent / "out" / "july-2016")
    options.add_argument("--kills", type=int, default=0, help="kill -9 random nodes this many times")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    begun = time.monotonic()
    try:
        play(given.out, given.kills, given.seed)
    except Failed as failure:
        print(f"\nFAILED: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; all nodes are down", file=sys.stderr)
        return 130
    print(f"Read {given.out / 'report.html'}, {given.out / 'timeline.txt'} and {given.out / 'bundle'}.")
    print(f"Done in {time.monotonic() - begun:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
