"""The page in a real browser: what it draws, says and hands out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser

import cellwright as cw
from cellwright.inspection import Inspection
from cellwright.inspection.order import order
from cellwright.inspection.tiles import Pyramid
from tests.inspection.page import UNITS, WORDS, Opened, made, settled

PIXEL = """([name, x, y]) => {
    const canvas = document.querySelector(`canvas[data-name^="${name} "]`);
    return [...canvas.getContext("2d").getImageData(x * devicePixelRatio, y * devicePixelRatio, 1, 1).data];
}"""


def test_pixels_have_the_colours_of_their_values(opened: Opened, inspection: Inspection) -> None:
    page = opened(inspection, "#pass=0&step=699&unit=11&by=variance&from=100&to=200")
    settled(page)
    pass_ = inspection.passes[0]
    units = order(pass_, "variance")
    chance = np.random.default_rng(1)
    box = page.locator('canvas[data-name^="f "]').bounding_box()
    assert box is not None
    colours: dict[tuple[str, int], list[int]] = {}
    for name in ("f", "g", "c"):
        levels = Pyramid(pass_, name).scale.bytes_of(torch.from_numpy(pass_.signal(name))).numpy()
        for _ in range(60):
            step, row = int(chance.integers(101, 199)), int(chance.integers(0, UNITS - 1))
            x, y = (step - 100 + 0.5) * box["width"] / 100, (row + 0.5) * (128 // UNITS)
            pixel = page.evaluate(PIXEL, [name, x, y])
            kind = "rising" if name == "f" else "signed"
            known = colours.setdefault((kind, int(levels[step, units[row]])), pixel)
            assert pixel == known
    rising = sorted((level, sum(colour[:3])) for (kind, level), colour in colours.items() if kind == "rising")
    assert len(rising) > 20
    assert rising[0][1] < rising[-1][1]  # dark is low, bright is high


def test_text_of_the_data_is_never_markup(opened: Opened, inspection: Inspection) -> None:
    page = opened(inspection, "#pass=0&step=0&unit=1&from=0&to=20")
    settled(page)
    assert page.locator("h1").inner_text() == "<u>test</u>"
    assert page.locator("dl").inner_text().split("\n")[:2] == ["word", WORDS[0]]
    assert "<i>up</i>" in page.locator("dl").inner_text()
    for tag in ("b", "u", "main i"):
        assert page.locator(f"#app {tag}:not(.overview i)").count() == 0


@pytest.mark.parametrize(("steps", "units"), [(1, 1), (2, 1), (1, 3)])
def test_next_to_nothing(opened: Opened, steps: int, units: int) -> None:
    page = opened(made(steps, units))
    for number in range(1, 10):
        page.keyboard.press(f"{number}")
        settled(page)
        assert page.locator("aside .error").count() == 0


@pytest.mark.parametrize(
    ("cell", "memory", "value", "said"), [("lstm", "c", torch.nan, "nan"), ("rnn_relu", "h", torch.inf, "inf")]
)
def test_numbers_that_are_none_are_marked(opened: Opened, cell: str, memory: str, value: float, said: str) -> None:
    layer, x = cw.Recurrent(cell, 3, 4), torch.randn(60, 3)
    x[30] = value
    with torch.no_grad():
        for each in layer.parameters():
            each.abs_()
    page = opened(cw.inspect(layer, x), "#pass=0&step=40&unit=0&from=0&to=60")
    settled(page)
    box = page.locator(f'canvas[data-name^="{memory} "]').bounding_box()
    assert box is not None
    assert page.evaluate(PIXEL, [memory, box["width"] * 0.9, 10])[:3] == [255, 0, 160]
    assert page.evaluate(PIXEL, [memory, box["width"] * 0.1, 10])[:3] != [255, 0, 160]
    assert said in page.locator("pre.calculation").inner_text()
    for number in range(2, 7):
        page.keyboard.press(f"{number}")
        settled(page)
        assert page.locator("aside .error").count() == 0


def test_a_failed_self_check_is_red(opened: Opened, inspection: Inspection) -> None:
    wrong = Inspection(inspection.passes, inspection.tracks, error=0.5)
    page = opened(wrong, "#tab=memory", shown="role=alert")
    assert "✗ self-check: signals differ from the equations by up to 0.5" in page.locator(".check.wrong").inner_text()
    assert page.locator("canvas").count() == 0
    page.get_by_role("button", name="Show it nonetheless").click()
    page.wait_for_selector("canvas.time")
    assert page.locator("header .check.wrong").inner_text().startswith("✗ self-check")
    assert opened(inspection).locator(".check.right").inner_text().startswith("✓ self-check")


def test_take_it_along(opened: Opened, inspection: Inspection) -> None:
    page = opened(inspection, "#pass=0&step=3&unit=2&tab=share&from=10&to=20")
    settled(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save unit 2 as CSV").click()
    rows = Path(waiting.value.path()).read_text().splitlines()
    assert rows[0] == "step,i,f,g,o,c,h"
    table = np.array([row.split(",") for row in rows[1:]], np.float64)
    assert table[:, 0].tolist() == list(range(10, 20))
    assert np.allclose(table[:, 5], inspection.passes[0].states["c"][10:20, 2])
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save the pictures as PNG").click()
    assert Path(waiting.value.path()).read_bytes()[:4] == b"\x89PNG"


def test_a_saved_page_opens_without_a_server(browser: Browser, tmp_path: Path) -> None:
    inspection = made(120, 6)
    inspection.html(tmp_path / "page.html")
    wrong: list[str] = []
    page = browser.new_page()
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: wrong.append(request.url) if request.url.startswith("http") else None)
    page.goto(f"file://{tmp_path / 'page.html'}")
    page.wait_for_selector("canvas.time")
    page.keyboard.press("Escape")
    for _ in inspection.passes:
        page.keyboard.press("p")
        for number in (1, 2, 3, 4, 5, 9):
            page.keyboard.press(f"{number}")
            settled(page)
            assert page.locator("aside .error").count() == 0
            assert page.locator("aside").get_by_text("a saved page tells").count() == 0
    page.close()
    assert not wrong
