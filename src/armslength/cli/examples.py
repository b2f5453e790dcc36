"""One or more examples for every verb, shown under its help and in docs/cli.md. A test parses each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

EXAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    "init": (
        "armslength init arandia --address https://arandia.example > cards/A.yaml",
        "armslength init m1 --monitor --nodes https://arandia.example --nodes https://borovia.example > cards/m1.yaml",
    ),
    "up": ("armslength up --node arandia",),
    "page": ("armslength page", "armslength page https://neutral.example"),
    "console": ("armslength console --node arandia", "armslength console --no-browser --json --node arandia"),
    "backup": ("armslength backup /mnt/backups/arandia-2016-07-20 --node arandia",),
    "restore": ("armslength restore /mnt/backups/arandia-2016-07-20 --node arandia",),
    "card": ("armslength card --node arandia > cards/A.yaml",),
    "new": (
        "armslength new --list",
        "armslength new coordinated-disclosure --out disclosure --cards cards",
        "armslength new coordinated-disclosure --questions > answers.yaml",
        "armslength new coordinated-disclosure --answers answers.yaml --out disclosure --cards cards",
    ),
    "check": ("armslength check arrangement.yaml --english",),
    "rehearse": (
        "armslength rehearse arrangement.yaml --until suspension",
        "armslength rehearse arrangement.yaml --script rehearsals/golden.yaml",
    ),
    "propose": ('armslength propose arrangement.yaml --note "as we discussed" --node arandia',),
    "counter": ("armslength counter ours.yaml --to 91215f0b7235 --node borovia",),
    "sign": ("armslength sign 271bdbb416b1 --node arandia",),
    "inbox": ("armslength inbox --node neutral",),
    "accept": ("armslength accept 271bdbb416b1 --node neutral",),
    "decline": ('armslength decline 91215f0b7235 --reason "two weeks are too short" --node borovia',),
    "attest": (
        "armslength attest k1#7 k2#7 --true --node m1",
        "armslength attest k2#7-9 --false --node m1",
        "armslength attest nominations --true --node convenor",
        "armslength attest --from week.txt --node m1",
    ),
    "perform": ("armslength perform C5 --node borovia",),
    "notify": (
        "armslength notify k2 --start 2016-07-24T09:00:00Z --end 2016-07-24T12:00:00Z"
        ' --text "medical evacuation flight" --node borovia',
    ),
    "allege": (
        "armslength allege k2#14 --hold --node arandia",
        'armslength allege T3 --text "nothing has arrived" --node borovia',
    ),
    "respond": ("armslength respond A/k2/14 --deny --node borovia",),
    "determine": ("armslength determine A/k2/14 --dismiss --node m3",),
    "resume": ("armslength resume --node arandia",),
    "withdraw": (
        'armslength withdraw --text "we leave" --node arandia',
        'armslength withdraw --text "we leave" --as vera.key --because "the board has decided" --node borovia',
    ),
    "waive": ("armslength waive C5 --node arandia",),
    "publish": (
        "armslength publish T2 summaries.md --node arandia",
        "armslength publish T3 week.csv --media-type text/csv --release-after 2016-07-30T00:00:00Z --node arandia",
    ),
    "fetch": ("armslength fetch T2 --out summaries.md --wait --node borovia",),
    "status": ("armslength status --node borovia", "armslength status --bundle bundle --weights ours.json"),
    "why": (
        "armslength why T2 --node borovia",
        "armslength why k2#9 --node borovia",
        "armslength why arrangement --bundle bundle",
    ),
    "record": ("armslength record --node borovia", "armslength record --bundle bundle --json"),
    "today": ("armslength today --node arandia", "armslength today --json --node m1"),
    "watch": ("armslength watch --json --node arandia",),
    "calendar": ("armslength calendar --renew --node arandia", "armslength calendar --revoke --node arandia"),
    "remind": ("armslength remind observer@monitors.example --node m1", "armslength remind --stop --node m1"),
    "notify-test": ("armslength notify-test --node arandia",),
    "wait": ("armslength wait --timeout 10 --node borovia",),
    "export": ("armslength export bundle --node borovia",),
    "verify": (
        "armslength verify bundle --expect 271bdbb416b10d1f6e9ecc585018dd13d0e8f9f1085211603481eb6ed941480f",
        "armslength verify bundle --timeline",
    ),
    "counterparty": (
        "armslength counterparty did:web:borovia.example --node arandia",
        "armslength counterparty did:web:borovia.example --export borovia --node arandia",
        "armslength counterparty did:web:borovia.example --from borovia",
    ),
    "report": ("armslength report bundle --out report.html",),
    "keys": ("armslength keys bundle",),
    "approvals key": ('armslength approvals key vera.key --name "Vera Holm" > cards/vera.yaml',),
    "approvals policy": (
        "armslength approvals policy policy.yaml --node borovia",
        'armslength approvals policy stricter.yaml --as vera.key --because "we are five now" --node borovia',
    ),
    "approvals list": ("armslength approvals list --node borovia",),
    "approvals show": ("armslength approvals show 5d1c08a2f7be --out draft.json --node borovia",),
    "approvals approve": (
        "armslength approvals approve 5d1c08a2f7be --key ivo.key --node borovia",
        "armslength approvals approve draft.json --key ivo.key --out decision.json",
    ),
    "approvals object": ("armslength approvals object 5d1c08a2f7be --key kaja.key --node borovia",),
    "approvals submit": ("armslength approvals submit decision.json --node borovia",),
    "approvals standing": (
        "armslength approvals standing --tranche T4 --until 2016-08-31T00:00:00Z --as vera.key --node arandia",
    ),
    "approvals export": ("armslength approvals export approvals-2016 --node borovia",),
    "approvals verify": ("armslength approvals verify approvals-2016",),
    "clock set": ("armslength clock set 2016-07-15T00:00:00Z --node arandia",),
}


def epilogue(verb: str) -> str:
    """The examples of a verb, as the end of its help (Markdown)."""
    lines = EXAMPLES.get(verb, ())
    title = "Example:" if len(lines) == 1 else "Examples:"
    return "\n\n".join([title, *(f"`{line}`" for line in lines)]) if lines else ""
