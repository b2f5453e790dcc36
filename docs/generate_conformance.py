"""Write docs/conformance.md from the tables that the tests play: `python docs/generate_conformance.py`.

With --print, show it instead.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.conformance.kit import (  # noqa: E402  the tables are beside the tests, outside the package
    CONSUMER_NEGOTIATES,
    CONSUMER_TRANSFERS,
    DISABLED,
    LOOK_UPS,
    OVER_ENDPOINTS,
    PROVIDER_NEGOTIATES,
    PROVIDER_TRANSFERS,
    SCRIPTS,
    not_over_endpoints,
    steps,
)

TARGET = Path(__file__).with_name("conformance.md")
HEAD = f"""<!-- made by docs/generate_conformance.py from tests/conformance/kit.py: change it there -->

# Conformance to the Dataspace Protocol 2025-1

The protocol has a test kit, `org.eclipse.dataspacetck.dsp:dsp-tck:1.0.1`, with {len(LOOK_UPS) + len(SCRIPTS)} tests.
**Nothing of the kit itself is run:** it does not resolve from the package index that this project is built from.
What is run are its sequences, reimplemented from the kit's sources under the kit's ids:

- *on the record*: the state machine that nodes run receives the messages in order, and must accept or refuse each;
- *over the endpoints*: requests go to a node's own HTTP endpoints, and what the node sends is taken from its outbox. A
  test can be run there if it expects what a node does automatically or when its owner asks.

`make tck` runs them and prints the counts. Messages are validated against the official JSON Schemas, and a transfer is
made with Eclipse EDC, if these are available: see `tests/conformance/test_dsp_schemas.py` and
`tests/conformance/test_edc.py` for how to provide them. Without them these tests are skipped, and `make tck` says so.

What is not covered: the kit's own HTTP client, its validators, its webhooks, and its time limits. Nor could all of it
pass against a node: the kit requires a connector that can be told what to send and when to wait, and a node has no such
mode. {len(SCRIPTS) - len(OVER_ENDPOINTS)} negotiations are run on the record alone for this reason.

| | tests | on the record | over the endpoints |
|---|---|---|---|
"""
LEGEND = """
`→` marks what the node sends and the kit acknowledges; `←` what the kit sends and the node accepts, or *refuses* with a
4xx other than 404; a STATE is what a query of the process then returns. Each test begins with the consumer's request.
"""
GROUPS = {
    "Versions and catalogue": LOOK_UPS,
    "Negotiations as provider": PROVIDER_NEGOTIATES,
    "Negotiations as consumer": CONSUMER_NEGOTIATES,
    "Transfers as provider": PROVIDER_TRANSFERS,
    "Transfers as consumer": CONSUMER_TRANSFERS,
}


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for title, tests in GROUPS.items():
        record = sum(name in SCRIPTS for name in tests)
        endpoints = sum(name in OVER_ENDPOINTS or name in LOOK_UPS for name in tests)
        parts.append(f"| {title} | {len(tests)} | {record or '–'} | {endpoints} |\n")
    parts.append(LEGEND)
    for title, tests in GROUPS.items():
        parts += [f"\n## {title}\n\n| test | what happens | played |\n|---|---|---|\n", *map(_row, tests)]
    return "".join(parts)


def _row(name: str) -> str:
    if name in LOOK_UPS:
        return f"| {name} | {LOOK_UPS[name]} | over the endpoints |\n"
    why = not_over_endpoints(name)
    where = "on the record, over the endpoints" if why is None else f"on the record; not over the endpoints: {why}"
    note = " (disabled in the kit)" if name in DISABLED else ""
    return f"| {name} | {'; '.join(_words(steps(SCRIPTS[name])))} | {where}{note} |\n"


def _words(script: Iterable[tuple[str, str, bool]]) -> Iterable[str]:
    for sign, what, refused in script:
        match sign:
            case ">":
                yield f"→ {what}"
            case "<":
                yield f"← {what}, *refused*" if refused else f"← {what}"
            case _:
                yield what


if __name__ == "__main__":
    if "--print" in sys.argv:
        sys.stdout.write(page())
    else:
        TARGET.write_text(page(), encoding="utf-8")
