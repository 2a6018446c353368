"""The page about the cells is the one that the cells print."""

import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_up_to_date() -> None:
    printed = subprocess.run(
        [sys.executable, DOCS / "print_variants.py"], capture_output=True, text=True, check=True, encoding="utf-8"
    ).stdout
    remedy = "python docs/print_variants.py > docs/variants.md"
    assert (DOCS / "variants.md").read_text(encoding="utf-8") == printed, remedy
