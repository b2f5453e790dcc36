"""Files at the console: from a drop to the recipient's download."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.stage import Stage

pytestmark = pytest.mark.slow("three nodes, consoles and a browser are started; a file goes from one to another")


def test_a_file_is_published_received_and_verified(
    at_console: Callable[[str], Page], stage: Stage, tmp_path: Path
) -> None:
    """The supplier uploads its results; once they are released the buyer downloads what was uploaded, byte for byte,
    and the bundle verifies in the page."""
    content = b"part;failed\n" + b"17;0\n" * 500_000
    (tmp_path / "results.csv").write_bytes(content)
    supplier = at_console("supplier")
    supplier.goto(f"{supplier.url.rstrip('/')}/a/{stage.hash}/files")
    supplier.get_by_label("File", exact=True).set_input_files(tmp_path / "results.csv")
    supplier.get_by_role("button", name="Seal and publish").click()
    expect(supplier.get_by_role("status").first).to_contain_text("is being sealed", timeout=30_000)
    stage.until("received", lambda: stage.tranche("Results", "buyer") == "SETTLED", patience=120)
    assert not list((stage.folder / "supplier" / "uploads").iterdir())
    buyer = at_console("buyer")
    buyer.goto(f"{buyer.url.rstrip('/')}/a/{stage.hash}/files")
    with buyer.expect_download() as got:
        buyer.get_by_role("link", name="Download Results").click()
    assert Path(got.value.path()).read_bytes() == content
    buyer.get_by_role("link", name="Evidence").click()
    buyer.get_by_role("link", name="Verify now").click()
    expect(buyer.get_by_role("status")).to_contain_text("It holds")


def test_what_is_too_large_is_told_where_it_was_dropped(
    at_console: Callable[[str], Page], stage: Stage, tmp_path: Path
) -> None:
    """With the reason, and nothing is kept."""
    page = at_console("buyer")
    page.goto(f"{page.url.rstrip('/')}/a/{stage.hash}/files")
    (tmp_path / "big.csv").write_bytes(b"0" * (49 * 1024 * 1024))
    page.get_by_label("File", exact=True).set_input_files(tmp_path / "big.csv")
    page.get_by_role("button", name="Seal and publish").click()
    expect(page.get_by_role("status").or_(page.get_by_role("alert")).first).to_be_visible(timeout=60_000)
