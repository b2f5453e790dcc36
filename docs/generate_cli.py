"""Write docs/cli.md from the commands' own help: `python docs/generate_cli.py`. With --print, show it instead."""

import re
import sys
from functools import partial
from pathlib import Path

from armslength.cli.__main__ import app
from armslength.cli.examples import EXAMPLES

TARGET = Path(__file__).with_name("cli.md")
HEAD = "<!-- made by docs/generate_cli.py from the commands' own help: change it there -->\n\n"


def page() -> str:
    """The whole reference, one section for each command, in the order in which one meets them."""
    text = app.generate_docs(output_format="markdown")
    text = re.sub(r"^## Table of Contents\n.*?(?=^\*\*Commands)", "", text, flags=re.MULTILINE | re.DOTALL)
    for verb, lines in EXAMPLES.items():
        usage = re.compile(rf"(^#+ armslength {verb}\n\n```console\n)(.*?)(^```$)", flags=re.MULTILINE | re.DOTALL)
        text = usage.sub(partial(_with, lines), text, count=1)
    return HEAD + re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _with(lines: tuple[str, ...], found: re.Match[str]) -> str:
    """A usage block with examples."""
    return f"{found[1]}{found[2]}\n{''.join(f'$ {line}{chr(10)}' for line in lines)}{found[3]}"


if __name__ == "__main__":
    if "--print" in sys.argv:
        sys.stdout.write(page())
    else:
        TARGET.write_text(page(), encoding="utf-8")
