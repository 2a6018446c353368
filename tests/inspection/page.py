"""What the tests of the page share: something to look at, and the ways to look at it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from playwright.sync_api import Page

import cellwright as cw
from cellwright.inspection import Inspection

STEPS, UNITS = 700, 12
WORDS = ["<b>sun</b>", "&amp;", "moon", " ", "star", "\n", "'\""]
Opened = Callable[..., Page]
"""Opens the page of an inspection, at a view."""


def made(steps: int = STEPS, units: int = UNITS, tracks: bool = True, **options: Any) -> Inspection:
    torch.manual_seed(3)
    beside = {
        "word": [WORDS[n % len(WORDS)] for n in range(steps)],
        "label": ([n // 50 % 2 for n in range(steps)], ["<i>up</i>", "down"]),
        "curve": np.sin(np.arange(steps) / 20),
        "frame": np.full((steps, 8, 8), 200, np.uint8),
    }
    layer = cw.LSTM(3, units, bidirectional=True, num_layers=2, **options)
    return cw.inspect(layer, torch.randn(steps, 3).cumsum(0) / 9, tracks=beside if tracks else {})


def settled(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    page.wait_for_function("() => !document.body.innerText.includes('Working it out')")
    page.wait_for_timeout(100)


def state(page: Page) -> dict[str, str]:
    """The view as the address has it."""
    page.wait_for_timeout(300)
    return dict(page.evaluate("() => [...new URLSearchParams(location.hash.slice(1))]"))
