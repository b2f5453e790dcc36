"""How the tests are spread over processes, and what these inherit."""

from __future__ import annotations

import os
import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what runs in its background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # programs that tests start are ended by it


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are processors: while a test waits for nodes, browsers or time-outs, another works."""
    return (os.cpu_count() or 1) + 1
