"""Who gets in, and who does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from armslength.config import RoleHolders
from armslength.errors import ArmslengthError, Unauthorised
from tests.login.provider import KINDS, confused, unsigned
from tests.login.stage import ISSUER, ORIGIN, Organisation


@pytest.fixture
def org(tmp_path: Path) -> Organisation:
    """One in which subject 4711 is an operator."""
    return Organisation(tmp_path)


async def is_in(org: Organisation) -> bool:
    """Whether the browser has a session."""
    return (await org.get("/")).status == 200


@pytest.mark.parametrize("algorithm", sorted(KINDS))
async def test_a_person_with_a_role_gets_in(tmp_path: Path, algorithm: str) -> None:
    """By a code, with each algorithm that counts; and the login is in the trail."""
    org = Organisation(tmp_path, algorithm=algorithm)
    assert (await org.get("/")).headers["location"] == "/login"
    assert b"/login/start" in (await org.get("/login")).body
    reply = await org.log_in()
    assert (reply.status, b'content="0;url=/"' in reply.body) == (200, True)
    assert b"You are Kaja Berg" in (await org.get("/")).body
    assert await org.outcomes() == ["as operator"]


async def test_a_secret_goes_by_form_where_the_provider_wants_it(org: Organisation) -> None:
    """And in the header otherwise, which every other test uses."""
    org.provider.published = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert (await org.log_in()).status == 200


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"nonce": "another"}, "another login"),
    ({"nonce": None}, "another login"),
    ({"aud": "another"}, "somebody else"),
    ({"aud": None}, "somebody else"),
    ({"aud": ["console", "another"]}, "more than one"),
    ({"aud": ["console"], "azp": "another"}, "somebody else"),
    ({"iss": "https://evil.example"}, "another issuer"),
    ({"iss": f"{ISSUER}/"}, "another issuer"),
    ({"exp": 1_789_999_900}, "expired"),
    ({"exp": None}, "no time exp"),
    ({"exp": "tomorrow"}, "no time exp"),
    ({"iat": 1_789_990_000}, "another time"),
    ({"iat": 1_790_009_000}, "another time"),
    ({"iat": None}, "no time iat"),
    ({"nbf": 1_790_009_000}, "does not count yet"),
    ({"sub": None}, "names nobody"),
    ({"sub": ""}, "names nobody"),
    ({"sub": 4711}, "names nobody"),
    ({"sub": "47\n11"}, "names nobody"),
]


@pytest.mark.parametrize(("claims", "reason"), WRONG)
async def test_a_token_for_another_place_time_or_login_is_refused(
    org: Organisation, claims: dict[str, Any], reason: str
) -> None:
    """Signed by the right key, every one of them."""
    org.provider.claims = claims
    reply = await org.log_in()
    assert reply.status == 401
    assert reason in reply.body.decode()
    assert not await is_in(org)
    assert [each for each in await org.outcomes() if reason in each]


async def test_a_token_that_its_issuer_has_not_signed_is_refused(org: Organisation) -> None:
    """By nobody, by the public key as a secret, by a key that is not published, by one with a header of its own."""
    token = org.provider.id_token("n")
    assert (await org.client.proven(token)).subject == "4711"
    pem = org.provider.key.as_pem(private=False)
    header, body, signature = token.split(".")
    bad = [unsigned(token), confused(token, pem), f"{header}.{body}.", f"{header}.{body[:-2]}AA.{signature}"]
    bad += ["", "x", "a.b", "..", "é.é.é", f"{header}.{body}", "a" * 20_000]
    org.provider.header = {"kid": "another"}
    bad.append(org.provider.id_token("n"))
    org.provider.header = {"kid": "", "jwk": org.provider.key.as_dict(private=False)}
    bad.append(org.provider.id_token("n"))
    org.provider.header = {}
    old, kid = org.provider.key, org.provider.key.kid
    org.provider.key = type(old).generate_key(2048, {"kid": kid})  # another key under the same name
    bad.append(org.provider.id_token("n"))
    for each in bad:
        with pytest.raises(Unauthorised) as refused:
            await org.client.proven(each)
        assert refused.value.code == "bad-login"


async def test_a_new_key_is_asked_for_once_and_not_again_at_once(org: Organisation) -> None:
    """What is published is kept for an hour; whoever makes up keys makes nobody ask."""
    for _ in range(3):
        await org.client.proven(org.provider.id_token("n"))
    assert org.provider.asked == ["discovery", "keys"]
    org.time += 61
    org.provider.rotate()
    await org.client.proven(org.provider.id_token("n"))
    assert org.provider.asked.count("keys") == 2
    org.provider.header = {"kid": "made-up"}
    for _ in range(5):
        with pytest.raises(Unauthorised):
            await org.client.proven(org.provider.id_token("n"))
    assert org.provider.asked.count("keys") == 2
    org.provider.header = {}
    org.time += 3601
    await org.client.proven(org.provider.id_token("n"))
    assert org.provider.asked.count("keys") == 3


@pytest.mark.parametrize(
    "published",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://login.example.org/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": 5},
        {"jwks_uri": "https://login.example.org/authorize"},
    ],
)
async def test_a_provider_that_publishes_nonsense_logs_in_nobody(org: Organisation, published: dict[str, Any]) -> None:
    """It is away, as far as people are concerned; what is wrong is not shown to strangers."""
    org.provider.published = published
    try:
        reply = await org.get("/login/start")
    except (AssertionError, KeyError):  # our provider does not like to be asked so
        return
    assert reply.status == 503
    assert b"cannot be asked just now" in reply.body


async def test_what_comes_back_counts_for_the_browser_that_left_and_once(org: Organisation) -> None:
    """No cookie, another's cookie, another state, a second time, too late: nobody gets in. A code that was sent to
    somebody else logs nobody in as them."""
    back = await org.out()
    jar, org.cookies = org.cookies, {}
    assert (await org.get(back)).status == 401
    await org.out()
    other = dict(org.cookies)
    assert (await org.get(back)).status == 401, "another's cookie"
    org.cookies = other
    assert (await org.get(back)).status == 401, "a cookie that has been used"
    assert not await is_in(org)
    org.cookies = dict(jar)
    assert (await org.get(back)).status == 200
    assert await is_in(org)
    org.cookies = dict(jar)
    assert (await org.get(back)).status == 401, "a second time"
    late = await org.out()
    org.time += 601
    assert (await org.get(late)).status == 401


async def test_what_comes_back_may_not_be_altered(org: Organisation) -> None:
    """A state that is another's or missing, a code that is made up or missing, an answer of another provider, anything
    twice, and an error of the provider's: which is not shown as it stands."""
    for change in (
        ("state=", "state=x"),
        ("state=", "x="),
        ("code=", "x="),
        ("code=", "code=x"),
        ("code=", "code=x&code="),
        ("iss=", "iss=https%3A%2F%2Fevil.example&x="),
        ("code=", "error=%3Cscript%3Ealert%281%29&x="),
        ("code=", "error=access_denied&code="),
    ):
        back = await org.out()
        reply = await org.get(back.replace(*change))
        assert reply.status == 401, change
        assert b"<script>" not in reply.body
        assert not await is_in(org)


async def test_a_session_is_new_at_each_login(org: Organisation) -> None:
    """What somebody has set before is not used; cookies are for the browser alone, and for this host."""
    cookie = f"{org.place.cookie}"
    org.cookies[cookie] = "chosen-by-somebody-else"
    await org.log_in()
    assert org.cookies[cookie] != "chosen-by-somebody-else"
    assert len(org.cookies[cookie]) >= 40
    assert cookie.startswith("__Host-")
    for each in org.set:
        text = each.lower()
        assert "httponly" in text
        assert "secure" in text
        assert "path=/" in text
        assert "domain" not in text
        assert ("samesite=lax" if "-login=" in text else "samesite=strict") in text


async def test_nobody_is_sent_elsewhere(org: Organisation) -> None:
    """Whatever is asked for, a login leads to the provider, and back to the console's own start."""
    reply = await org.get("/login/start?next=https://evil.example&redirect_uri=https://evil.example")
    location = str(reply.headers["location"])
    assert location.startswith(f"{ISSUER}/authorize?")
    assert "evil" not in location
    assert f"redirect_uri={ORIGIN.replace(':', '%3A').replace('/', '%2F')}%2Flogin%2Fcallback" in location
    back = await org.out()
    reply = await org.get(f"{back}&next=https://evil.example")
    assert b"evil" not in reply.body


async def test_another_host_is_refused(org: Organisation) -> None:
    """By name, also with what a proxy might pass on: the address stands in the configuration."""
    assert (await org.get("/login/start", origin="https://evil.example")).status == 421
    reply = await org.get("/login/start", **{"x-forwarded-host": "evil.example"})
    assert "evil" not in str(reply.headers["location"])


GROUPS = {
    "operator": RoleHolders(claims=("staff",), mails=("kaja@example.org",)),
    "administrator": RoleHolders(claims=("admins",), mails=("root@example.org",)),
}


@pytest.mark.parametrize(
    ("person", "roles"),
    [
        ({"groups": ["staff", "others"]}, "operator"),
        ({"groups": "staff"}, "operator"),
        ({"groups": ["staff", "admins"]}, "operator, administrator"),
        ({"email": "kaja@example.org", "email_verified": True}, "operator"),
        ({"email": "Kaja@Example.org", "email_verified": True}, "operator"),
        ({"email": "root@example.org", "email_verified": False}, ""),
        ({"email": "root@example.org"}, ""),
        ({"email": "root@example.org", "email_verified": "true"}, ""),
        ({"email": ["root@example.org"], "email_verified": True}, ""),
        ({"groups": {"admins": True}}, ""),
        ({"groups": "staff,admins"}, ""),
        ({"groups": [["admins"]]}, ""),
        ({"roles": ["admins"]}, ""),
        ({"name": "admins", "preferred_username": "root@example.org"}, ""),
        ({}, ""),
    ],
)
async def test_roles_come_from_the_claim_or_a_verified_address(
    tmp_path: Path, person: dict[str, Any], roles: str
) -> None:
    """And from nothing else: without a role nobody gets in."""
    org = Organisation(tmp_path, GROUPS)
    org.provider.person |= person
    reply = await org.log_in()
    assert reply.status == (200 if roles else 403)
    assert (await org.outcomes())[0].startswith(f"as {roles}" if roles else "refused: no-role")
    assert await is_in(org) == bool(roles)


async def test_a_role_that_was_taken_away_is_gone_at_the_next_login(tmp_path: Path) -> None:
    """In every browser in which the person was logged in."""
    org = Organisation(tmp_path, GROUPS)
    org.provider.person["groups"] = ["staff", "admins"]
    await org.log_in()
    assert (await org.get("/audit")).status == 200
    elsewhere, org.cookies = org.cookies, {}
    org.provider.person["groups"] = ["staff"]
    await org.log_in()
    assert (await org.get("/audit")).status == 403
    here, org.cookies = org.cookies, elsewhere
    assert not await is_in(org)
    org.cookies = {}
    org.provider.person["groups"] = []
    await org.log_in()
    org.cookies = here
    assert not await is_in(org)


async def test_logins_are_not_tried_without_end(org: Organisation) -> None:
    """From one address twenty at once, and then one every three seconds; who is told to wait is told for how long."""
    replies = [await org.get("/login/start") for _ in range(21)]
    assert [each.status for each in replies[:20]] == [303] * 20
    assert replies[20].status == 429
    assert int(str(replies[20].headers["retry-after"])) in range(1, 4)
    org.time += 3
    assert (await org.get("/login/start")).status == 303


async def test_one_customer_s_network_is_one_address(org: Organisation) -> None:
    """Of IPv6 everybody has as many addresses as they like: they would use up what there is for all."""
    replies = []
    for number in range(21):
        org.address = f"2001:db8:0:1::{number:x}"
        replies.append((await org.get("/login/start")).status)
    assert replies == [303] * 20 + [429]
    org.address = "2001:db8:0:2::1"
    assert (await org.get("/login/start")).status == 303


async def test_failures_of_strangers_do_not_fill_the_disk(org: Organisation) -> None:
    """The trail keeps some of them, and what people do whom it knows."""
    for _ in range(100):
        await org.get("/login/callback?state=x&code=y")
        org.time += 3
    assert len(await org.audit.lines()) <= 50
    before = len(await org.audit.lines())
    for _ in range(20):
        await org.get("/login/callback?state=x&code=y")
    assert len(await org.audit.lines()) - before <= 20


async def test_a_secret_is_told_to_the_provider_alone(org: Organisation) -> None:
    """Neither settings nor errors nor pages show it."""
    assert "a secret" not in repr(org.settings)
    org.provider.published = {"token_endpoint": f"{ISSUER}/nothing"}
    reply = await org.log_in()
    assert reply.status == 401
    assert b"a secret" not in reply.body
    with pytest.raises(ArmslengthError) as refused:
        await org.client.proven("x.y.z")
    assert "a secret" not in str(refused.value)
