"""How the tests are spread over processes."""

from __future__ import annotations

import os


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are processors: while a test waits for nodes, browsers or time-outs, another works."""
    return (os.cpu_count() or 1) + 1
