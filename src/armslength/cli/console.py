"""`console`: the pages for people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from armslength.cli.context import AsJson, NodeFolder
from armslength.config import load
from armslength.errors import DONE


def console(
    *, browser: Annotated[bool, Parameter(negative="--no-browser", show_default=False)] = True, port: int = 0,
    node: NodeFolder = Path(), json: AsJson = False,
) -> int:  # fmt: skip
    """Open the console in the browser: what waits for you, every arrangement, and why it stands where it stands.

    It is served on this machine alone, until you stop it with Ctrl-C. The link works once, and for ten minutes; after
    that the browser is logged in. `--json` prints {"url": …} as one line.

    Parameters
    ----------
    browser
        Open the link in your browser; with --no-browser it is only printed.
    port
        Port to listen on; 0 takes a free one.
    """
    import asyncio
    import webbrowser
    from contextlib import ExitStack

    from armslength.runtime.console import doorway, serve_console
    from armslength.views.jsonable import json_text

    config = load(node)
    with ExitStack() as stack:

        def ready(url: str) -> None:
            print(json_text({"url": url}, indent=None) if json else f"The console is at {url}", flush=True)
            if browser:
                webbrowser.open(stack.enter_context(doorway(config.folder, url)))

        asyncio.run(serve_console(config, port, ready))
    return DONE
