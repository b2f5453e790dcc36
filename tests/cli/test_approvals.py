"""Officials at the shell without a node: keys, decisions as files, and the audit of an export."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from armslength.approvals.drafts import APPROVE, OBJECT
from armslength.approvals.ledger import Adoption, Fulfilment, Ledger
from armslength.cli.__main__ import run
from armslength.core.canonical import canonical
from armslength.wire.approvals import decode_decision
from armslength.wire.did_key import key_of
from tests.approvals.people import add, asked, draft, governed, policy, says


def exported(folder: Path) -> list[bytes]:
    """An exported journal: a policy, a draft with two approvals, and its fulfilment. Its lines."""
    ledger = Ledger()
    lines = [add(ledger, Adoption(policy=policy()))]
    made = draft(ledger)
    words = [says(who, made, APPROVE) for who in ("ivo", "kaja")]
    lines += [add(ledger, fact) for fact in (asked(made), *words, Fulfilment(draft=made.hash))]
    folder.mkdir()
    found = [canonical(line) for line in lines]
    (folder / "journal.jsonl").write_bytes(b"".join(line + b"\n" for line in found))
    return found


def test_an_export_is_audited_offline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It holds, to an earlier head too; edited it does not, and the first wrong line is named (rule 12.4a)."""
    lines = exported(tmp_path / "journal")
    assert run(["approvals", "verify", str(tmp_path / "journal"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["lines"]) == (True, 5)
    earlier = json.loads(lines[4])["previous"]
    for head, code in ((told["head"], 0), (earlier, 0), ("0" * 64, 1)):
        assert run(["approvals", "verify", str(tmp_path / "journal"), "--expect", head]) == code
    file = tmp_path / "journal" / "journal.jsonl"
    for wrong, place in (
        ([*lines[:3], *lines[4:]], 3),  # one approval less
        ([lines[0].replace(b'"count":2', b'"count":1'), *lines[1:]], 1),
        ([*lines[:2], lines[2].replace(b'"word":"approve"', b'"word":"object"'), *lines[3:]], 2),
        ([*lines[:4], lines[4].replace(b":", b": ", 1)], 4),
        ([*lines[:4], b"{}"], 4),
    ):
        file.write_bytes(b"\n".join(wrong))
        capsys.readouterr()
        assert run(["approvals", "verify", str(tmp_path / "journal"), "--json"]) == 1
        assert json.loads(capsys.readouterr().out)["place"] == f"entry {place}"
    assert run(["approvals", "verify", str(tmp_path)]) == 2


def test_a_decision_is_signed_without_a_node(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the draft's file, or by its whole hash; the key lies in a private file, which is made once."""
    key, out = tmp_path / "ivo.key", tmp_path / "decision.json"
    assert run(["approvals", "key", str(key), "--name", "Ivo Lund", "--json"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert (card["name"], key.stat().st_mode & 0o777) == ("Ivo Lund", 0o600)
    assert len(key_of(card["keys"][0])) == 32
    assert run(["approvals", "key", str(key), "--name", "Ivo Lund"]) == 2
    made = draft(governed())
    (tmp_path / "draft.json").write_bytes(canonical(made))
    common = ["--key", str(key), "--out", str(out)]
    for given, verb, word in (
        (str(tmp_path / "draft.json"), "approve", APPROVE),
        (made.hash, "object", OBJECT),
    ):
        assert run(["approvals", verb, given, *common]) == 0
        decision = decode_decision(out.read_bytes())
        assert (decision.draft, decision.word) == (made.hash, word)
    assert run(["approvals", "approve", made.hash[:12], *common]) == 2
    key.chmod(0o644)
    assert run(["approvals", "approve", made.hash, *common]) == 2
    (tmp_path / "draft.json").write_bytes(canonical(made) + b" ")
    assert run(["approvals", "approve", str(tmp_path / "draft.json"), *common]) in {1, 2}
