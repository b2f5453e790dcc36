"""A node's configuration: strict when read, and read back as it was written."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from armslength.config import FILE, Config, dump, load, parse
from armslength.errors import Misuse

HERE = Path("/nowhere")
LEAST = 'name = "a"\ndid = "did:web:a.example"\n'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name", "after a key"),
        ('name = "a"', "missing: did"),
        (LEAST + "prot = 1", "no such setting: prot"),
        (LEAST + 'port = "1"', "port: expected `int`"),
        (LEAST + 'nodes = "https://b.example"', "nodes: expected a list"),
        (LEAST + "nodes = [1]", "nodes["),
        (LEAST + 'folder = "/etc"', "no such setting: folder"),
        (LEAST + "development = 1", "development: expected `bool`"),
    ],
)
def test_what_the_file_may_not_say_is_refused_by_the_name_of_the_setting(text: str, reason: str) -> None:
    """A setting that is missing, unknown or of the wrong kind is named (rule 8.4a)."""
    with pytest.raises(Misuse) as refused:
        parse(text, HERE)
    assert refused.value.code == "bad-config"
    assert reason in str(refused.value)
    assert str(HERE / FILE) in str(refused.value)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_whatever_a_node_is_called_is_read_back(name: str, nodes: list[str]) -> None:
    """Quotes, backslashes, hashes and control characters in names break no file."""
    config = Config(HERE, name, "did:web:a.example", "https://a.example", nodes=tuple(nodes), development=True)
    assert parse(dump(config), HERE) == config


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are misuse, not a crash."""
    tmp_path.chmod(0o700)
    (tmp_path / FILE).write_bytes(b"\xff\xfe")
    with pytest.raises(Misuse, match="cannot be read"):
        load(tmp_path)
