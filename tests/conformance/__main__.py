"""Play what stands for the Dataspace Protocol's test kit, and print the counts: `make tck`."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

TITLES = {
    "test_versions_and_catalogue": "the kit's look-ups, over the endpoints",
    "test_on_the_record": "the kit's sequences, on the record",
    "test_the_kit_over_http": "the kit's sequences, over the endpoints",
    "test_dsp_schemas.py": "against the official JSON Schemas",
    "test_edc.py": "with Eclipse EDC",
}


class Counts:
    """A plugin that counts what became of the tests, by title."""

    def __init__(self) -> None:
        self.found: dict[str, Counter[str]] = {title: Counter() for title in TITLES.values()}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test once: at its call, or where it came to none."""
        file, test = Path(report.nodeid.split("::")[0]).name, report.nodeid.split("::")[1].split("[")[0]
        title = TITLES.get(test) or TITLES.get(file)
        if title is not None and (report.when == "call" or report.outcome != "passed"):
            self.found[title][report.outcome] += 1


def main() -> int:
    """Run the tests of this folder; pytest's exit code."""
    counts = Counts()
    code = pytest.main(["-q", "-rfE", str(Path(__file__).parent)], plugins=[counts])
    for title, outcomes in counts.found.items():
        print(f"  {title:<41} {', '.join(f'{count} {outcome}' for outcome, count in outcomes.items()) or 'none'}")
    print("The kit itself is not run; docs/conformance.md says what stands for it, test by test.")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
