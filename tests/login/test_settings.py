"""What `[console]` may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from armslength.config import Config, parse
from armslength.errors import Misuse
from armslength.login.settings import AccessSettings, access_settings

GOOD = {
    "address": '"https://console.example.org"',
    "issuer": '"https://login.example.org/realm"',
    "client_id": '"console"',
    "roles": '{reader = {subjects = ["4711"]}}',
}


def read(folder: Path, also: str = "", **changes: str) -> tuple[Config, AccessSettings]:
    """A file with these settings."""
    table = "\n".join(f"{name} = {value}" for name, value in (GOOD | changes).items())
    config = parse(f'name = "a"\ndid = "did:web:a.example"\n{also}\n[console]\n{table}\n', folder)
    assert config.console is not None
    return config, access_settings(config, config.console)


def test_what_it_leaves_out_is_safe(tmp_path: Path) -> None:
    """This machine alone, and nobody but those who are named."""
    _, found = read(tmp_path)
    assert (found.host, found.port, found.origin) == ("127.0.0.1", 8090, "https://console.example.org")
    assert found.scopes == ("openid", "profile", "email")
    assert parse('name = "a"\ndid = "did:web:a.example"\n', tmp_path).console is None


def test_an_address_is_as_browsers_write_it(tmp_path: Path) -> None:
    """In small letters, without the port that goes without saying."""
    assert read(tmp_path, address='"https://Console.example.org:443/"')[1].origin == "https://console.example.org"
    assert read(tmp_path, address='"https://c.example:8443"')[1].origin == "https://c.example:8443"
    assert read(tmp_path, "development = true", address='"http://127.0.0.1:80"')[1].origin == "http://127.0.0.1"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"address": '"http://console.example.org"'}, "must be https"),
        ({"address": '"http://127.0.0.1:8090"'}, "must be https"),
        ({"address": '"https://console.example.org/path"'}, "without a path"),
        ({"address": '"https://user@console.example.org"'}, "names a host"),
        ({"address": '"https://console.example.org:x"'}, "no address"),
        ({"issuer": '"http://login.example.org"'}, "must be https"),
        ({"issuer": '"https://login.example.org?x=1"'}, "names a host"),
        ({"issuer": '""'}, "must be https"),
        ({"client_id": '""'}, "is empty"),
        ({"listen": '"8090"'}, "HOST:PORT"),
        ({"listen": '"127.0.0.1:80900"'}, "no port"),
        ({"roles": "{}"}, "nobody has a role"),
        ({"roles": "{reader = {}}"}, "nobody has a role"),
        ({"roles": '{reader = {claims = ["staff"]}}'}, "which claim"),
        ({"roles": '{reader = {mails = [""]}}'}, "names nobody"),
        ({"roles": '{root = {subjects = ["1"]}}'}, "root"),
        ({"client_secret_file": '"nothing"'}, "cannot be read"),
        ({"client_secret_env": '"NO_SUCH_VARIABLE_AT_ALL"'}, "is not set"),
        ({"client_secret_file": '"a"', "client_secret_env": '"B"'}, "not in both"),
        ({"client_secret": '"said aloud"'}, "no such setting: console.client_secret"),
    ],
)
def test_what_cannot_work_is_refused_by_the_name_of_the_setting(
    tmp_path: Path, changes: dict[str, str], reason: str
) -> None:
    """Before anything is served; a secret in the file itself, too."""
    with pytest.raises(Misuse) as refused:
        read(tmp_path, **changes)
    assert refused.value.code == "bad-config"
    assert reason in str(refused.value)
    assert "said aloud" not in str(refused.value)


def test_in_development_another_machine_needs_tls_as_well(tmp_path: Path) -> None:
    """Plain http is for this machine."""
    read(tmp_path, "development = true", address='"http://localhost:8090"', issuer='"http://[::1]:9000"')
    with pytest.raises(Misuse, match="must be https"):
        read(tmp_path, "development = true", issuer='"http://login.example.org"')
