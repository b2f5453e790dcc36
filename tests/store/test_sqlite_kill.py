"""Nothing acknowledged is lost, and nothing is half done, when the process is killed at any moment."""

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from armslength.store.sqlite import SqliteStore

pytestmark = pytest.mark.slow("a process is started and killed again and again")

COMMITTER = str(Path(__file__).with_name("committer.py"))
ROUNDS = 20


def run_and_kill(path: Path, patience: float) -> dict[str, int]:
    """Start the committer, kill it `patience` seconds after its first answer; the number acknowledged per queue."""
    child = subprocess.Popen([sys.executable, COMMITTER, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    acknowledged: dict[str, int] = {}
    lines = [child.stdout.readline()]
    time.sleep(patience)
    child.kill()
    lines += child.stdout.read().splitlines()
    child.stdout.close()
    child.wait()
    assert lines[0], "the committer did not start"
    for line in lines:
        parts = line.split()
        if len(parts) == 2:  # the last line may be cut
            acknowledged[parts[0]] = int(parts[1]) + 1
    return acknowledged


async def audit(path: Path, acknowledged: dict[str, int]) -> int:
    """Check that all that was acknowledged is there and every batch is whole; the number of batches."""
    store = SqliteStore.open(path)
    total = 0
    for queue in ("0", "1", "2", "3"):
        counter = await store.get("counter", queue)
        done = counter.version if counter else 0
        assert done >= acknowledged.get(queue, 0)
        expected = {f"{queue}/{n}": b"%d" % n * (1 + n % 900) for n in range(done)}
        leaves = await store.leaves(queue, 0)
        assert leaves == list(expected.values())
        found = {row.key: row.body for row in await store.find("step") if row.key.startswith(f"{queue}/")}
        assert found == expected
        total += done
    sends = store._near.execute("SELECT queue, count(*), sum(first) FROM sends GROUP BY queue").fetchall()
    assert sum(count for _, count, _ in sends) == total
    assert all(heads == 1 for *_, heads in sends)
    assert store._near.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    await store.close()
    return total


def test_kill(tmp_path: Path) -> None:
    """After each of many kills at random moments, the reopened store holds every acknowledged batch, and only whole
    ones; and the killed process's lock is gone."""
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    path = tmp_path / "node.db"
    acknowledged: dict[str, int] = {}
    for _ in range(ROUNDS):
        acknowledged |= run_and_kill(path, chance.uniform(0, 0.08))
        total = asyncio.run(audit(path, acknowledged))
        assert total >= sum(acknowledged.values()) > 0


def test_kill_while_opening(tmp_path: Path) -> None:
    """A process killed while it makes the database leaves one that opens, with its schema whole or not begun."""
    chance = random.Random()
    for number in range(8):
        path = tmp_path / f"{number}.db"
        child = subprocess.Popen([sys.executable, COMMITTER, str(path)], stdout=subprocess.DEVNULL)
        while not path.exists():
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.02))
        child.kill()
        child.wait()
        asyncio.run(audit(path, {}))
