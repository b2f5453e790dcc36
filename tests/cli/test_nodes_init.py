"""`init` and `card`: what they write is read back, whatever a node is called and wherever it is."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from armslength.cli.__main__ import main
from armslength.config import FILE, load
from armslength.wire.terms_yaml import parse
from tests.terms_base import plain

NAMES = [
    "Acme #1 Lab",
    'The "Big" Co',
    "C:\\new",
    "007",
    "Ministry: Trade",
    "true",
    "null",
    "~",
    "- dash",
    "2016-07-14",
    "0x1F",
    "1e3",
    "'quoted'",
    "{a: b}",
    "*star &and !bang",
    "%percent",
    "@at `tick`",
    "trailing:",
    "Müller & Söhne",
    "شركة الاختبار",
]


def run(*words: str) -> int:
    """The exit code of a command."""
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return int(ended.value.code or 0)


def made(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    """The card that `init` prints, read as terms would read it."""
    assert run("init", str(folder), f"--name={name}", "--address", "https://a.example") == 0
    return plain(parse(capsys.readouterr().out.encode(), "card.yaml"))  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", NAMES)
def test_whatever_a_node_is_called_its_card_and_configuration_say_so(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names that YAML or TOML would read as something else are quoted (rule 8.2a)."""
    card = made(name, tmp_path / "n", capsys)
    assert card["name"] == name
    assert load(tmp_path / "n").name == name
    assert run("card", "--node", str(tmp_path / "n"), "--json") == 0
    assert json.loads(capsys.readouterr().out) == card


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=30))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """What `init` takes for a name, terms take for the same name; what it refuses leaves nothing behind."""
    folder = tmp_path_factory.mktemp("any") / "n"
    code = run("init", str(folder), f"--name={name}", "--address", "https://a.example")
    out = capsys.readouterr().out
    if code:
        assert not (folder / FILE).exists()
    else:
        assert plain(parse(out.encode(), "card.yaml"))["name"] == load(folder).name


@pytest.mark.parametrize("name", ["a\x1b[2Jb", "a\u202eb", "   ", "\x00"])
def test_a_name_that_terms_would_refuse_is_refused_at_once(name: str, tmp_path: Path) -> None:
    """Control characters and direction marks are no part of a name."""
    assert run("init", str(tmp_path / "n"), f"--name={name}", "--address", "https://a.example") == 2
    assert not (tmp_path / "n").exists()


@pytest.mark.parametrize(
    "address",
    [
        "https://A.example",
        "https://a.example:443",
        "https://a.example.",
        "https://192.0.2.1",
        "https://[::1]",
        "https://a.example/%61",
        "https://a.example:99999",
        "https://u@a.example",
        "a.example",
        "http://localhost:7001",
    ],
)
def test_an_address_in_another_spelling_is_refused(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same rule as for cards and terms; localhost is for development."""
    assert run("init", str(tmp_path / "n"), "--address", address) == 2
    assert "--address" in capsys.readouterr().err
    assert run("init", str(tmp_path / "m"), "--monitor", "--nodes", address) == 2
    assert not list(tmp_path.iterdir())


def test_a_configuration_that_lies_about_its_place_does_not_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Address and DID are one thing, said twice: where they differ the node says so."""
    folder = tmp_path / "n"
    made("n", folder, capsys)
    text = (folder / FILE).read_text()
    (folder / FILE).write_text(text.replace('address = "https://a.example"', 'address = "https://b.example"'))
    assert run("up", "--node", str(folder)) == 2
    assert "https://a.example" in capsys.readouterr().err
