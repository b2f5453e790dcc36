"""The tests of the Dataspace Protocol's test kit (dsp-tck 1.0.1) as tables: what `test_dsp_kit.py` plays and what
`docs/conformance.md` shows.

A script reads as in the kit's own tables: `> x` our side sends x and the kit acknowledges it; `< x` the kit sends x and
gets a 2xx; `< x !` it gets a 4xx other than 404; `= STATE` is what a GET then says. Whoever is the consumer has asked
before. The kit puts a random @id on all it sends, gives no reasons, and sends `code: "1"`.
"""

from __future__ import annotations

LOOK_UPS = {
    "MET:01-01": "the versions, without a token: `2025-1` is among them, with path and binding",
    "CAT:01-01": "the catalogue: the tranche is in its first answer",
    "CAT:01-02": "one dataset by its id",
    "CAT:01-03": "a dataset that is not there: `CatalogError`",
}
PROVIDER_NEGOTIATES = {
    "CN:01-01": "> offer; < termination; = TERMINATED",
    "CN:01-02": "> offer; < request; > termination",
    "CN:01-03": "> offer; < accepted; > agreement; < verification; > finalized",
    "CN:01-04": "> agreement; < verification; > finalized",
    "CN:02-01": "> termination",
    "CN:02-02": "< termination; = TERMINATED",
    "CN:02-03": "> agreement; < termination; = TERMINATED",
    "CN:02-04": "> offer; < termination; = TERMINATED",
    "CN:02-05": "> offer; > termination",
    "CN:02-06": "> offer; < accepted; > termination",
    "CN:02-07": "> agreement; < verification; > termination",
    "CN:03-01": "> agreement; < verification; > finalized; = FINALIZED; < termination !",
    "CN:03-02": "> offer; < verification !",
    "CN:03-03": "> offer; < accepted; < verification !",
    "CN:03-04": "> offer; < request; < request !",
}
CONSUMER_NEGOTIATES = {
    "CN_C:01-01": "< offer; > accepted; < agreement; > verification; < finalized; = FINALIZED",
    "CN_C:01-02": "< offer; > request; < termination",
    "CN_C:01-03": "< offer; > termination; = TERMINATED",
    "CN_C:01-04": "< agreement; > verification; < finalized; = FINALIZED",
    "CN_C:02-01": "< termination; = TERMINATED",
    "CN_C:02-02": "> termination; = TERMINATED",
    "CN_C:02-03": "< agreement; > termination; = TERMINATED",
    "CN_C:02-04": "< offer; = OFFERED; < termination; = TERMINATED",
    "CN_C:02-05": "< offer; > accepted; < termination; = TERMINATED",
    "CN_C:02-06": "< agreement; > verification; < termination; = TERMINATED",
    "CN_C:03-01": "< finalized !; = REQUESTED",
    "CN_C:03-02": "< offer; = OFFERED; < agreement !; = OFFERED",
    "CN_C:03-03": "< offer; < finalized !; = OFFERED",
    "CN_C:03-04": "< offer; > accepted; < finalized !; = ACCEPTED",
    "CN_C:03-05": "< offer; > accepted; < offer !; = ACCEPTED",
    "CN_C:03-06": "< offer; > accepted; < agreement; < finalized !; = AGREED",
}
PROVIDER_TRANSFERS = {
    "TP:01-01": "> start; > termination; = TERMINATED",
    "TP:01-02": "> start; > completion; = COMPLETED",
    "TP:01-03": "> start; > suspension; > termination; = TERMINATED",
    "TP:01-04": "> start; > suspension; > start; > completion; = COMPLETED",
    "TP:01-05": "> termination; = TERMINATED",
    "TP:02-01": "> start; = STARTED; < termination; = TERMINATED",
    "TP:02-02": "> start; = STARTED; < completion; = COMPLETED",
    "TP:02-03": "> start; < suspension; = SUSPENDED; < termination; = TERMINATED",
    "TP:02-04": "> start; < suspension; < start; = STARTED; < completion",
    "TP:02-05": "= REQUESTED; < termination; = TERMINATED",
    "TP:03-01": "= REQUESTED; < completion !; = REQUESTED",
    "TP:03-02": "= REQUESTED; < suspension !; = REQUESTED",
    "TP:03-03": "> start; < suspension; < completion !; = SUSPENDED",
    "TP:03-04": "> start; < termination; < start !; = TERMINATED",
    "TP:03-05": "> start; < termination; < suspension !; = TERMINATED",
    "TP:03-06": "> start; < termination; < completion !; = TERMINATED",
}
CONSUMER_TRANSFERS = {
    "TP_C:01-01": "< start; = STARTED; < termination; = TERMINATED",
    "TP_C:01-02": "< start; < completion; = COMPLETED",
    "TP_C:01-03": "< start; < suspension; = SUSPENDED; < termination",
    "TP_C:01-04": "< start; < suspension; < start; = STARTED; < completion",
    "TP_C:01-05": "< termination; = TERMINATED",
    "TP_C:02-01": "< start; > termination; = TERMINATED",
    "TP_C:02-02": "< start; > completion; = COMPLETED",
    "TP_C:02-03": "< start; > suspension; > termination; = TERMINATED",
    "TP_C:02-04": "< start; > suspension; > start; > completion",
    "TP_C:02-05": "> termination; = TERMINATED",
    "TP_C:03-01": "= REQUESTED; < completion !; = REQUESTED",
    "TP_C:03-02": "= REQUESTED; < suspension !; = REQUESTED",
    "TP_C:03-03": "< start; < suspension; < completion !; = SUSPENDED",
    "TP_C:03-04": "< start; < termination; < start !; = TERMINATED",
    "TP_C:03-05": "< start; < termination; < suspension !; = TERMINATED",
    "TP_C:03-06": "< start; < termination; < completion !; = TERMINATED",
}
SCRIPTS = PROVIDER_NEGOTIATES | CONSUMER_NEGOTIATES | PROVIDER_TRANSFERS | CONSUMER_TRANSFERS
DISABLED = {"TP:02-04", "TP_C:02-04"}  # in the kit itself; here they are played like any other

MAKES_NO_OFFER = "a node makes no offers: the terms are signed"
TAKES_NO_OFFER = "a node takes no offer but that of the signed terms: it refuses, and terminates"
AT_ONCE = {
    "CN:02-01": "a node agrees at once to its own offer",
    "CN:02-07": "a node finalises at once what is verified",
    "CN_C:02-03": "a node verifies at once an agreement that is what it asked for",
}


def steps(script: str) -> list[tuple[str, str, bool]]:
    """(">", what, _), ("<", what, whether it must be refused) or ("=", state, _)."""
    parsed = []
    for part in script.split(";"):
        sign, what, *refused = part.split()
        parsed.append((sign, what, refused == ["!"]))
    return parsed


def not_over_endpoints(name: str) -> str | None:
    """Why this test cannot be played over a node's endpoints, which do what nodes do of themselves; None if it can."""
    sent = {(sign, what) for sign, what, _ in steps(SCRIPTS[name])}
    if (">", "offer") in sent:
        return MAKES_NO_OFFER
    if ("<", "offer") in sent:
        return TAKES_NO_OFFER
    return AT_ONCE.get(name)


OVER_ENDPOINTS = [name for name in SCRIPTS if not_over_endpoints(name) is None]
