"""Moving about in the page: keys, the pointer, and links that bring a view back."""

from __future__ import annotations

from urllib.parse import urlencode

import numpy as np
import pytest
from playwright.sync_api import Page

from cellwright.inspection import Inspection
from cellwright.inspection.card import calculation
from tests.inspection.page import STEPS, UNITS, Opened, settled, state


def picture(page: Page) -> str:
    found: str = page.evaluate("""() => document.querySelector('canvas[data-name^="f "]').toDataURL()""")
    return found


def test_every_key(opened: Opened, inspection: Inspection) -> None:
    page = opened(inspection)
    first = state(page)

    def pressed(*keys: str) -> dict[str, str]:
        for key in keys:
            page.keyboard.press(key)
        return state(page)

    assert pressed("ArrowRight", "ArrowRight", "ArrowLeft")["step"] == "1"
    assert pressed("Shift+ArrowRight")["step"] == "11"
    assert pressed("Home", "End")["step"] == f"{STEPS - 1}"
    assert pressed("Home")["step"] == "0"
    page.get_by_label("Unit", exact=True).fill("5")
    page.keyboard.press("Enter")
    page.locator("h1").click()
    assert pressed("ArrowDown")["unit"] == "6"
    assert pressed("Shift+ArrowUp")["unit"] == "0"
    wide = [float(each["to"]) - float(each["from"]) for each in (first, pressed("+"), pressed("-"), pressed("0"))]
    assert wide == [60, 30, 60, STEPS]
    pressed("+", "+")
    moved = pressed("]")
    assert float(moved["from"]) == pytest.approx(STEPS / 8, abs=1)
    assert float(pressed("[")["from"]) == pytest.approx(0, abs=1)
    marked = pressed("Home", "m", "ArrowRight", "ArrowRight", "m")
    assert (marked["range"], marked["tab"]) == ("0-3", "find")
    before = picture(page)
    assert pressed("o")["by"] == "memory"
    settled(page)
    assert picture(page) != before
    assert pressed("p")["pass"] == "1"
    theme = page.locator("html").get_attribute("data-theme")
    pressed("t")
    assert {theme, page.locator("html").get_attribute("data-theme")} == {"light", "dark"}
    pressed("?")
    assert page.get_by_role("dialog").is_visible()
    pressed("Escape")
    assert page.get_by_role("dialog").count() == 0
    tabs = ["cell", "memory", "health", "gradients", "ledger", "find", "force", "why", "share", "lesson"]
    for number, name in enumerate(tabs, 1):
        assert pressed(f"{number}" if number < 10 else "l")["tab"] == name
        settled(page)
        assert page.locator("aside h2").count() == 1
        assert page.locator("aside .error").count() == 0


def test_everything_can_be_reached_by_tabulator(opened: Opened, inspection: Inspection) -> None:
    page = opened(inspection, "#tab=health")
    settled(page)
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("() => document.activeElement.textContent.slice(0, 9)"))
    assert {"memory", "gradients", "zoom in", "f", "dark"} <= reached | {"dark"}


def test_a_link_brings_the_view_back(opened: Opened, inspection: Inspection) -> None:
    view = "#pass=3&step=77&unit=9&by=likeness&tab=find&from=40.50&to=140.50&hidden=i+g&tall=c&range=70-75&search=h"
    page = opened(inspection, view)
    settled(page)
    found = state(page)
    assert found == dict(each.split("=") for each in view.replace("+", " ")[1:].split("&"))
    assert page.locator("canvas[data-name]").count() == 4 + 4
    wrong = opened(inspection, "#pass=99&step=-3&unit=abc&by=<b>&tab=none&from=9&to=2&range=5-1&hidden=q&search=q")
    settled(wrong)
    assert state(wrong)["pass"] == "0"


def test_a_link_brings_back_what_was_tried(opened: Opened, inspection: Inspection) -> None:
    at = {"pass": "2", "step": "50", "unit": "4"}

    def view(**more: str) -> str:
        return "#" + urlencode({**at, **more})

    page = opened(inspection, view(tab="force"))
    page.locator("aside select").select_option("f")
    page.get_by_label("Value").fill("0.25")
    page.get_by_label("Value").blur()
    page.keyboard.press("8")
    page.get_by_label("Method").select_option("gradient")
    page.get_by_label("Output of the last layer").fill("20")
    page.get_by_label("Output of the last layer").blur()
    page.keyboard.press("l")
    page.get_by_role("button", name="Next").click()
    page.get_by_label("input i").fill("2.5")
    found = state(page)
    tried = {"force": "f", "value": "0.25", "output": "20", "method": "gradient", "chapter": "1", "leaf": "input i 2.5"}
    assert {name: found[name] for name in tried} == tried
    again = opened(inspection, view(tab="lesson", **tried))
    settled(again)
    expected = calculation(inspection.passes[2], 50, 4, {"input i": 2.5})
    assert again.locator("aside pre").first.inner_text() == expected.lines["i"]
    assert state(again).items() >= found.items() - {("from", found["from"]), ("to", found["to"])}
    again.keyboard.press("8")
    settled(again)
    assert again.locator("h2").inner_text() == "Why output 20 is so at step 50"
    assert again.get_by_label("Method").input_value() == "gradient"
    again.keyboard.press("7")
    assert again.locator("aside select").input_value() == "f"
    assert again.get_by_label("Value").input_value() == "0.25"
    wrong = opened(inspection, view(force="q", value="x", output="99", method="toString", chapter="9", leaf="i 2"))
    settled(wrong)
    assert not state(wrong).keys() & tried.keys()


def test_the_pointer(opened: Opened, inspection: Inspection) -> None:
    page = opened(inspection)
    page.keyboard.press("0")
    settled(page)
    canvas = page.locator('canvas[data-name^="f "]')
    box = canvas.bounding_box()
    assert box is not None
    canvas.click(position={"x": box["width"] * 0.5, "y": 5 * (128 // UNITS) + 3})
    found = state(page)
    assert abs(int(found["step"]) - STEPS // 2) <= 1
    assert found["unit"] == "5"
    middle, height = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(middle, height)
    page.mouse.wheel(0, -400)
    zoomed = state(page)
    assert float(zoomed["to"]) - float(zoomed["from"]) == pytest.approx(STEPS / np.e, rel=0.02)
    page.mouse.down()
    page.mouse.move(middle + 100, height, steps=4)
    page.mouse.up()
    assert float(state(page)["from"]) < float(zoomed["from"])
    page.keyboard.down("Shift")
    page.mouse.down()
    page.mouse.move(middle + 200, height, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    low, high = map(int, state(page)["range"].split("-"))
    assert high - low == pytest.approx(100 * STEPS / np.e / box["width"], abs=2)
