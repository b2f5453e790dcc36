"""`[notify]` as it is read: what is refused names the setting, and no secret is shown."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from armslength.config import parse
from armslength.errors import Misuse
from armslength.notify.settings import Settings, check_address, settings

SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()
BASE = 'name = "a"\ndid = "did:web:a.example"\naddress = "https://a.example"\n'
MAIL = '[notify.mail]\nhost = "smtp.a.example"\nsender = "node@a.example"\n'


def read(folder: Path, text: str) -> Settings:
    """The settings of a node with this beside the rest."""
    return settings(parse(BASE + text, folder))


def test_it_is_off_by_default(tmp_path: Path) -> None:
    """Nobody is told anything unless the file says whom."""
    assert not read(tmp_path, "").is_on


def test_all_of_it(tmp_path: Path) -> None:
    """Times, leads, addressees and secrets."""
    (tmp_path / "hook").write_text(SECRET + "\n")
    (tmp_path / "password").write_text("swordfish\n")
    found = read(
        tmp_path,
        '[notify]\nzone = "Europe/Berlin"\nquiet = "22:00-07:00"\ndigest = "07:30"\nsilence = "12h"\n'
        'lead = { attest = ["30m", "2h"], any = [] }\n' + MAIL + 'user = "node"\npassword_file = "password"\n'
        '[[notify.to]]\nmail = "ops@a.example"\nkinds = ["asked", "near"]\nroles = ["party"]\ninvitations = true\n'
        '[[notify.to]]\nwebhook = "https://hooks.a.example/x"\nsecret_file = "hook"\n',
    )
    assert found.is_on
    assert found.leads.of("attest") == (7200, 1800)
    assert found.leads.of("sign") == ()
    assert found.leads.silence == 43200
    assert [each.name for each in found.to] == ["ops@a.example", "https://hooks.a.example/x"]
    assert found.mailing is not None
    assert found.mailing.password == "swordfish"
    assert "swordfish" not in repr(found)
    assert repr(b"k" * 24) not in repr(found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[notify]\nzone = "Europe/Nowhere"\n', "notify.zone"),
        ('[notify]\nzone = "../../etc/passwd"\n', "notify.zone"),
        ('[notify]\nquiet = "22-7"\n', "notify.quiet"),
        ('[notify]\ndigest = "24:00"\n', "notify.digest"),
        ('[notify]\nlead = { dance = ["1h"] }\n', "notify.lead.dance"),
        ('[notify]\nlead = { sign = ["soon"] }\n', "notify.lead.sign"),
        ('[notify]\nsilence = "6"\n', "notify.silence"),
        ('[[notify.to]]\nmail = "ops@a.example"\n', "notify.mail"),
        (MAIL + "[[notify.to]]\nquiet = true\n", "either mail or webhook"),
        (MAIL + '[[notify.to]]\nmail = "a b@x"\n', "no address of mail"),
        (MAIL + '[[notify.to]]\nmail = "a@b.example"\n[[notify.to]]\nmail = "a@b.example"\n', "twice"),
        (MAIL + '[[notify.to]]\nmail = "a@b.example"\nkinds = ["gossip"]\n', "gossip"),
        ('[[notify.to]]\nwebhook = "https://x.example"\n', "signed"),
        ('[[notify.to]]\nwebhook = "https://x.example"\nsecret_env = "ARMSLENGTH_UNSET"\n', "ARMSLENGTH_UNSET"),
        ('[[notify.to]]\nwebhook = "https://x.example"\nsecret_file = "none"\n', "none"),
        (MAIL + 'security = "none"\n', "this machine alone"),
        (MAIL + 'user = "node"\n', "belong together"),
        ("[notify]\nloud = true\n", "no such setting: notify.loud"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, said: str) -> None:
    """The setting, and what it should be."""
    with pytest.raises(Misuse) as refused:
        read(tmp_path, text)
    assert said in str(refused.value)
    assert "node.toml" in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "a@b\r\nBcc: c@d", "a@b\nx", "a b@c", "<a@b>", "a@b, c@d", "a@b;c@d", "@b", "a@", "a", "a@b\x00", "a@[1.2.3.4]",
        '"a"@b', "a@b>", "ä@b.example", "a@-b", "a" * 65 + "@b", "a@" + "b" * 260, "a@b\u2028c", "a@b ", "a@b.",
    ],
)  # fmt: skip
def test_what_is_no_plain_address_is_refused(text: str) -> None:
    """Nothing that a header or a mail server could read as more than one address."""
    with pytest.raises(Misuse):
        check_address(text, "x")


@pytest.mark.parametrize("text", ["a@b", "ops+armslength@arandia.example", "o'neil@x-y.example", "A.B@C.example"])
def test_plain_addresses_are_taken(text: str) -> None:
    """The usual ones."""
    check_address(text, "x")
