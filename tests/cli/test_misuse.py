"""What the command line says, and with which exit code, when something is wrong."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from armslength.cli.__main__ import PARTS, application, run
from armslength.errors import Refused


def _json(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_every_verb_is_registered_by_the_file_that_is_said_to_have_it() -> None:
    """The table of verbs by file, from which commands are imported lazily, is the truth."""
    everything = set(application())
    for verbs in PARTS.values():
        for verb in verbs:
            assert verb in set(application(verb))
            assert verb in everything


def test_a_folder_without_an_identity_is_misuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Commands for a node in an empty folder say how to make one, and exit with 2."""
    assert run(["status", "--node", str(tmp_path), "--json"]) == 2
    assert "armslength init" in str(_json(capsys)["reason"])


def test_a_node_that_is_down_is_told_with_exit_code_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where no node answers, the command that starts it is named."""
    folder = tmp_path / "node"
    assert run(["init", str(folder), "--address", "http://localhost:1", "--development", "--json"]) == 0
    capsys.readouterr()
    assert run(["status", "--node", str(folder), "--json"]) == 3
    assert "armslength up" in str(_json(capsys)["reason"])


def test_init_keeps_its_secrets_to_its_owner_and_never_overwrites(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Keys and configuration are private files in a private folder; a second init changes nothing."""
    folder = tmp_path / "node"
    assert run(["init", str(folder), "--address", "https://node.example.org", "--json"]) == 0
    card = _json(capsys)
    assert card["did"] == "did:web:node.example.org"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in [*(folder / "keys").iterdir(), folder / "node.toml"]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert not any(path.read_text().strip() in str(value) for value in card.values())
    before = (folder / "keys" / "entries.key").read_bytes()
    assert run(["init", str(folder), "--address", "https://node.example.org", "--json"]) == 2
    assert (folder / "keys" / "entries.key").read_bytes() == before


@pytest.mark.parametrize("address", ["http://node.example.org", "ftp://node.example.org", "node.example.org"])
def test_plain_http_is_for_development_only(address: str, tmp_path: Path) -> None:
    """An address that is not https is refused, and no folder is made."""
    assert run(["init", str(tmp_path / "node"), "--address", address]) == 2
    assert not (tmp_path / "node").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["attest", "k2#7"],
        ["attest", "k2#seven", "--true"],
        ["attest", "k2#9-7", "--true"],
        ["attest", "--true"],
        ["allege", "k2#x"],
        ["notify", "k2", "--start", "tomorrow", "--end", "2016-07-24T00:00:00Z"],
    ],
)
def test_malformed_statements_are_misuse(arguments: list[str], tmp_path: Path) -> None:
    """A statement that cannot be meant is refused before any key is touched."""
    assert run([*arguments, "--node", str(tmp_path)]) == 2


def test_a_bad_line_in_a_file_of_attestations_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`attest --from` names the line that it cannot read."""
    file = tmp_path / "said"
    file.write_text("# day 7\ntrue k2#7\nperhaps k2#8\n", encoding="utf-8")
    assert run(["attest", "--from", str(file), "--node", str(tmp_path), "--json"]) == 2
    assert "line 3" in str(_json(capsys)["place"])


def test_verify_of_nothing_is_misuse(tmp_path: Path) -> None:
    """A folder that is not there is misuse; an empty one does not hold."""
    assert run(["verify", str(tmp_path / "none")]) == 2
    assert run(["verify", str(tmp_path)]) == 1


def test_what_a_peer_writes_cannot_steer_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reasons that come from other nodes are shown without control characters, as an error or beside a result."""
    folder = tmp_path / "node"
    assert run(["init", str(folder), "--address", "http://localhost:1", "--development"]) == 0
    hostile = "no\x1b[2J\x9b1mway\u202e"

    def refuse(*_: object, **__: object) -> dict[str, object]:
        raise Refused("no", hostile, hostile)

    def answer(_: object, verb: str, **__: object) -> dict[str, object]:
        said = {"entry": "e" * 64, "type": "sign", "status": "refused", "code": "no", "reason": hostile}
        fetched: dict[str, object] = {
            "stage": "LOCKED",
            "plain": None,
            "outcome": None,
            "done": 0,
            "total": 0,
            "trouble": hostile,
        }
        return {"said": [said]} if verb == "say" else fetched

    for ask in (refuse, answer):
        for file in ("say", "files"):
            monkeypatch.setattr(f"armslength.cli.{file}.ask", ask)
        for arguments in (["sign"], ["fetch", "T1"]):
            assert run([*arguments, "--node", str(folder)]) == 1
    out, err = capsys.readouterr()
    assert (out + err).count("way") >= 4
    assert not {"\x1b", "\x9b", "\u202e"} & set(out + err)


@pytest.mark.parametrize("path", ["../outside", "/outside", "record/../../outside"])
def test_export_writes_into_its_folder_only(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever answers on the node's port names no file outside the folder."""
    folder = tmp_path / "node"
    assert run(["init", str(folder), "--address", "http://localhost:1", "--development"]) == 0
    answer = {"arrangement": "a" * 64, "files": {path: "text"}}
    monkeypatch.setattr("armslength.cli.proof.ask", lambda *_, **__: answer)
    assert run(["export", str(tmp_path / "bundle"), "--node", str(folder)]) == 2
    assert not (tmp_path / "outside").exists()


def test_unknown_commands_and_options_are_misuse() -> None:
    """Nothing happens, exit code 2."""
    assert run(["frobnicate"]) == 2
    assert run(["verify", "--frobnicate"]) == 2


def test_a_claim_that_has_periods_is_not_attested_without_one() -> None:
    """What is named without a period must be an event: nobody signs for period 0 by mistake."""
    from armslength.engine.mail import check_events
    from armslength.errors import Misuse
    from tests.golden.terms import golden_terms

    check_events(golden_terms(), ["k5a"])
    with pytest.raises(Misuse, match="k2#0"):
        check_events(golden_terms(), ["k5a", "k2"])


@pytest.mark.parametrize("verb", [["status"], ["why", "T1"], ["record"]])
def test_a_monitors_folder_names_the_way_without_a_node(
    verb: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A monitor holds no record: the refusal of views names --bundle and how one is made."""
    folder = tmp_path / "m1"
    assert run(["init", str(folder), "--monitor", "--nodes", "https://node.example.org", "--json"]) == 0
    capsys.readouterr()
    assert run([*verb, "--node", str(folder), "--json"]) == 2
    reason = str(_json(capsys)["reason"])
    assert "--bundle FOLDER" in reason
    assert "armslength export" in reason


def test_terms_that_do_not_compile_are_told_line_by_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`propose` says each problem on a line of its own; a key with a line break in it fakes no further line."""
    assert run(["init", str(tmp_path / "n"), "--address", "https://node.example.org", "--json"]) == 0
    file = tmp_path / "terms.yaml"
    file.write_text('"x\\nHOLDS: forged": 1\ntitle: t\n')
    capsys.readouterr()
    for verb in (["check", str(file)], ["propose", str(file), "--node", str(tmp_path / "n")]):
        assert run(verb) == 1
        captured = capsys.readouterr()
        assert "forged" in captured.out + captured.err
        assert not any(line.startswith("HOLDS") for line in (captured.out + captured.err).splitlines())
