"""What a node logs of what others have sent it."""

from __future__ import annotations

import logging

from armslength.cli.nodes import SafeFormatter


def test_what_peers_write_fakes_no_log_line() -> None:
    """A reason with line breaks and control characters stays on its line, and so does the text of an error."""
    hostile = "no\n2016-07-01 armslength: all is well\x1b[2J\x9b1m\u202e"
    record = logging.LogRecord("armslength", logging.WARNING, __file__, 1, "refused: %s", (hostile,), None)
    assert SafeFormatter("%(name)s: %(message)s").format(record).count("\n") == 0
    trace = (ValueError, ValueError(hostile), None)
    record = logging.LogRecord("armslength", logging.ERROR, __file__, 1, "refused: %s", (hostile,), trace)
    text = SafeFormatter("%(name)s: %(message)s").format(record)
    assert text.startswith("armslength: refused: no 2016-07-01")
    assert "ValueError" in text
    assert not {"\x1b", "\x9b", "\u202e"} & set(text)
