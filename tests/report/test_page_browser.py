"""The report in a real browser: it renders, and fits a phone. Skipped where no Chromium is installed."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.report.pages import golden_page
from tests.report.test_page import hostile

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update"
    " --disable-sync --hide-scrollbars --allow-file-access-from-files --virtual-time-budget=20000"
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")

# Loads the page in a frame of each width and writes what it measures.
HARNESS = """<!DOCTYPE html><meta charset="utf-8"><title>measures</title><body><pre id="out"></pre><script>
const widths = %s, out = {};
function measure(frame, width) {
  const page = frame.contentDocument, root = page.documentElement;
  const scrolls = e => { for (; e; e = e.parentElement) if (getComputedStyle(e).overflowX === 'auto') return true; };
  const wide = [...page.body.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > width + 1
    && e.getBoundingClientRect().width > 0 && !scrolls(e) && !e.closest('svg, .skip, .vh, details:not([open])'));
  out[width] = {scroll: root.scrollWidth, client: root.clientWidth, height: root.scrollHeight,
    wide: wide.slice(0, 5).map(e => e.tagName + '.' + e.className),
    bars: [...page.querySelectorAll('svg .bar rect')].filter(r => r.getBoundingClientRect().width > 0).length,
    steps: [...page.querySelectorAll('svg .step')].filter(p => p.getTotalLength() > 100).length,
    heading: page.querySelector('h1').textContent};
}
let left = widths.length;
for (const width of widths) {
  const frame = document.createElement('iframe');
  frame.style.cssText = `width:${width}px;height:900px;border:0;display:block`;
  frame.onload = () => { measure(frame, width);
    if (!--left) document.getElementById('out').textContent = JSON.stringify(out); };
  frame.src = 'page.html';
  document.body.append(frame);
}
</script>"""


def measured(folder: Path, page: str, widths: list[int]) -> dict[str, Any]:
    """The page's measures at each width."""
    (folder / "page.html").write_text(page, encoding="utf-8")
    (folder / "harness.html").write_text(HARNESS % json.dumps(widths), encoding="utf-8")
    command = [str(BROWSER), *FLAGS.split(), f"--user-data-dir={folder / 'profile'}", "--dump-dom"]
    address = (folder / "harness.html").as_uri()
    done = subprocess.run([*command, address], capture_output=True, text=True, timeout=120, check=False)
    found = re.search(r'<pre id="out">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    assert found[1], f"the page did not load: {done.stderr[-2000:]}"
    return dict(json.loads(html.unescape(found[1])))


def test_the_report_renders_and_fits(tmp_path: Path) -> None:
    """At 320, 360, 768 and 1280 px nothing lies outside the page, and the charts are drawn."""
    found = measured(tmp_path, golden_page(), [320, 360, 768, 1280])
    for width, seen in found.items():
        assert seen["wide"] == [], width
        assert seen["scroll"] <= int(width), width
        assert seen["heading"] == "July 2016"
        assert seen["bars"] > 40
        assert seen["steps"] == 2
        assert seen["height"] > 5000


def test_hostile_texts_do_not_widen_the_page(tmp_path: Path) -> None:
    """Long unbroken and marked-up texts wrap on a phone too."""
    seen = measured(tmp_path, hostile(), [360])["360"]
    assert seen["wide"] == []
    assert seen["scroll"] <= 360


def test_it_prints(tmp_path: Path) -> None:
    """The page prints to a PDF of a bearable number of pages, without the index of entries."""
    (tmp_path / "page.html").write_text(golden_page(), encoding="utf-8")
    target = tmp_path / "page.pdf"
    command = [str(BROWSER), *FLAGS.split(), f"--user-data-dir={tmp_path / 'profile'}", f"--print-to-pdf={target}"]
    subprocess.run([*command, (tmp_path / "page.html").as_uri()], capture_output=True, timeout=120, check=True)
    pages = len(re.findall(rb"/Type\s*/Page\b", target.read_bytes()))
    assert 8 <= pages <= 45
