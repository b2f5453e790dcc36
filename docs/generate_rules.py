"""Write the map of rules in docs/ARCHITECTURE.md from docs/rules.md: `python docs/generate_rules.py`.

With --print, show the whole page instead.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parent
TARGET = DOCS / "ARCHITECTURE.md"
BEGIN, END = "<!-- made by docs/generate_rules.py from docs/rules.md -->\n", "<!-- end -->\n"
HEADING = re.compile(r"^#{2,3} (\d+(?:\.\d+)?)\.? (.+)$")
RULE = re.compile(r"\*\*(\d+\.\d+)([a-z]) ([^*]+)\*\*")
FILE = re.compile(r"\]\(\.\./src/armslength/([\w/]+\.(?:py|js))\)")


@dataclass(frozen=True)
class Rule:
    """One rule: its number, its name, its text without these, and the files that hold it, below src/armslength/."""

    number: str
    name: str
    text: str
    files: tuple[str, ...]

    @property
    def item(self) -> str:
        """The number of the item that it is part of."""
        return self.number.rstrip("abcdefghijklmnopqrstuvwxyz")


def rules(page: str) -> list[Rule]:
    """Every rule of the page, in its order."""
    starts = [found for found in RULE.finditer(page) if found.start() == 0 or page[found.start() - 1] == "\n"]
    ends = [found.start() for found in starts[1:]] + [len(page)]
    made = []
    for found, end in zip(starts, ends, strict=True):
        text = re.split(r"^#", page[found.end() : end], maxsplit=1, flags=re.MULTILINE)[0]
        where = text.rpartition("*Where:*")[2]
        name = " ".join(found[3].split()).rstrip(".,:")
        made.append(Rule(found[1] + found[2], name, text, tuple(FILE.findall(where))))
    return made


def headings(page: str) -> dict[str, str]:
    """Every part and item of the page with its name."""
    return {found[1]: found[2] for line in page.splitlines() if (found := HEADING.match(line))}


def table(page: str) -> str:
    """The map: one row for the rules of one part that one file holds."""
    named = headings(page)
    lines = ["| rules | file |\n", "|---|---|\n"]
    part = ""
    for rule in (found := rules(page)):
        if (now := rule.item.partition(".")[0]) == part:
            continue
        part = now
        lines.append(f"| **[{part}. {named[part]}]({_link(page, part)})** | |\n")
        held: dict[tuple[str, ...], list[Rule]] = {}
        for each in found:
            if each.item.partition(".")[0] == part:
                held.setdefault(each.files, []).append(each)
        for files, group in held.items():
            told = " · ".join(f"{each.number} {each.name}" for each in group)
            lines.append(f"| {told} | {', '.join(f'`{file}`' for file in files)} |\n")
    return "".join(lines)


def _link(page: str, part: str) -> str:
    """The address of a part's heading, as GitHub makes it."""
    heading = next(line.lstrip("# ") for line in page.splitlines() if line.startswith(f"## {part}. "))
    return "rules.md#" + re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def architecture(page: str, before: str) -> str:
    """docs/ARCHITECTURE.md with the map of the rules as they stand."""
    head, _, rest = before.partition(BEGIN)
    return head + BEGIN + "\n" + table(page) + "\n" + END + rest.partition(END)[2]


if __name__ == "__main__":
    made = architecture((DOCS / "rules.md").read_text(encoding="utf-8"), TARGET.read_text(encoding="utf-8"))
    if "--print" in sys.argv:
        sys.stdout.write(made)
    else:
        TARGET.write_text(made, encoding="utf-8")
