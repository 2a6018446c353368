"""The page in a real browser: what it draws, says and does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page

import cellwright as cw
from cellwright.inspection import Inspection
from cellwright.inspection.api import Viewer
from cellwright.inspection.attribution import attribution
from cellwright.inspection.card import calculation
from cellwright.inspection.intervention import Force, intervene
from cellwright.inspection.ledger import ledger
from cellwright.inspection.memory import time_constants
from cellwright.inspection.order import order
from cellwright.inspection.readout import Readout
from cellwright.inspection.server import Server
from cellwright.inspection.tiles import Pyramid

STEPS, UNITS = 700, 12
WORDS = ["<b>sun</b>", "&amp;", "moon", " ", "star", "\n", "'\""]
PIXEL = """([name, x, y]) => {
    const canvas = document.querySelector(`canvas[data-name^="${name} "]`);
    return [...canvas.getContext("2d").getImageData(x * devicePixelRatio, y * devicePixelRatio, 1, 1).data];
}"""


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


Opened = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opened]:
    """Opens the page of an inspection; in the end there must have been no error, and no request elsewhere."""
    wrong: list[str] = []
    servers: list[Server] = []
    context = browser.new_context(viewport={"width": 1300, "height": 900}, accept_downloads=True)

    def open_page(inspection: Inspection, view: str = "", title: str = "<u>test</u>") -> Page:
        server = Server(Viewer(inspection, title))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: here(request.url, server) or wrong.append(request.url))
        page.goto(server.url + view)
        page.wait_for_selector("canvas.time")
        if not view:
            page.keyboard.press("Escape")
        return page

    yield open_page
    context.close()
    for each in servers:
        each.shutdown()
        each.server_close()
    assert not wrong


def here(url: str, server: Server) -> bool:
    return url.startswith((f"http://127.0.0.1:{server.server_port}/", "data:", "blob:"))


def settled(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    page.wait_for_function("() => !document.body.innerText.includes('Working it out')")
    page.wait_for_timeout(100)


@pytest.fixture(scope="module")
def inspection() -> Inspection:
    return made()


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


def test_the_card_says_what_numpy_says(opened: Opened, inspection: Inspection) -> None:
    page = opened(inspection, "#pass=2&step=123&unit=7&tab=cell")
    settled(page)
    assert page.locator("pre.calculation").inner_text().splitlines() == [
        *calculation(inspection.passes[2], 123, 7).lines.values()
    ]
    assert page.locator("h2").inner_text() == "Unit 7 at step 123"
    assert page.locator("dl").inner_text().split("\n")[:2] == ["word", WORDS[123 % len(WORDS)]]


def test_ledger_and_memory_say_what_numpy_says(opened: Opened, inspection: Inspection) -> None:
    page = opened(inspection, "#pass=0&step=200&unit=4&tab=ledger")
    settled(page)
    found = ledger(inspection.passes[0], 200, 4)
    total = float(page.locator("tr:last-child th.number").inner_text())
    assert total == pytest.approx(found.total, rel=1e-4)
    page.keyboard.press("2")
    settled(page)
    constants = time_constants(inspection.passes[0])
    row = page.locator("aside tr", has_text="unit 4").inner_text().split("\t")
    assert [float(cell.split()[-1]) for cell in row[1:]] == pytest.approx([float(each[4]) for each in (
        constants.geometric, constants.arithmetic, constants.bias)], rel=6e-3)  # fmt: skip


def test_text_of_the_data_is_never_markup(opened: Opened, inspection: Inspection) -> None:
    page = opened(inspection, "#pass=0&step=0&unit=1&from=0&to=20")
    settled(page)
    assert page.locator("h1").inner_text() == "<u>test</u>"
    assert "<b>sun</b>" in page.locator("dl").inner_text()
    assert "<i>up</i>" in page.locator("dl").inner_text()
    for tag in ("b", "u", "main i"):
        assert page.locator(f"#app {tag}:not(.overview i)").count() == 0


def state(page: Page) -> dict[str, str]:
    page.wait_for_timeout(300)
    return dict(page.evaluate("() => [...new URLSearchParams(location.hash.slice(1))]"))


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
    assert wide == [400, 200, 400, STEPS]
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


@pytest.mark.parametrize(("steps", "units"), [(1, 1), (2, 1), (1, 3)])
def test_next_to_nothing(opened: Opened, steps: int, units: int) -> None:
    page = opened(made(steps, units))
    for number in range(1, 10):
        page.keyboard.press(f"{number}")
        settled(page)
        assert page.locator("aside .error").count() == 0


def test_numbers_that_are_none_are_marked(opened: Opened) -> None:
    x = torch.randn(60, 3)
    x[30] = torch.nan
    page = opened(cw.inspect(cw.LSTM(3, 4), x), "#pass=0&step=40&unit=0&from=0&to=60")
    settled(page)
    box = page.locator('canvas[data-name^="c "]').bounding_box()
    assert box is not None
    assert page.evaluate(PIXEL, ["c", box["width"] * 0.9, 10])[:3] == [255, 0, 160]
    assert "nan" in page.locator("pre.calculation").inner_text()
    for number in range(2, 7):
        page.keyboard.press(f"{number}")
        settled(page)
        assert page.locator("aside .error").count() == 0


def test_a_forced_value(opened: Opened, inspection: Inspection) -> None:
    page = opened(inspection, "#pass=0&step=50&unit=4&tab=force&range=50-60")
    settled(page)
    effect = intervene(inspection, [Force("l0", "c", [4], 50, 60, 0.0)])
    change = np.linalg.norm(effect.after - effect.before, axis=1)
    most = int(change.argmax())
    share = 100 * change[most] / np.linalg.norm(effect.before[most])
    said = page.locator("aside [role=status]").inner_text()
    assert f"changes by up to {share:.3g} %" in said
    assert f"at {effect.start + most}" in said


def test_the_lesson(opened: Opened, inspection: Inspection) -> None:
    page = opened(inspection, "#pass=0&step=50&unit=4&tab=lesson")
    settled(page)
    made = inspection.passes[0]
    titles = [page.locator("aside h3").first.inner_text()]
    for _ in range(7):
        page.get_by_role("button", name="Next").click()
        settled(page)
        titles.append(page.locator("aside h3").first.inner_text())
    assert len(set(titles)) == 8
    assert page.get_by_role("button", name="Next").is_disabled()
    page.get_by_role("button", name="Back").click()
    page.get_by_role("button", name="Back").click()
    settled(page)
    assert page.locator("aside pre").first.inner_text() == calculation(made, 50, 4).lines["c"]
    page.get_by_label("previous c").fill("1.9")
    page.keyboard.press("ArrowRight")
    for _ in range(9):
        page.keyboard.press("ArrowRight")  # the slider stays under the hand while answers come
    settled(page)
    assert page.locator("aside pre").first.inner_text() == calculation(made, 50, 4, {"previous c": 2.0}).lines["c"]
    page.get_by_role("button", name="As it was").click()
    settled(page)
    assert page.locator("aside pre").first.inner_text() == calculation(made, 50, 4).lines["c"]


def test_why(opened: Opened, inspection: Inspection) -> None:
    page = opened(inspection, "#pass=0&step=50&unit=4&tab=why")
    settled(page)
    found = attribution(inspection, 50, 0)
    order = np.argsort(-np.abs(found.values), kind="stable")
    rows = [row.split("\t") for row in page.locator("aside .panel > table tr").all_inner_texts()]
    assert [int(row[0].split()[0]) for row in rows] == (found.start + order[:10]).tolist()
    assert [float(row[-1]) for row in rows] == pytest.approx(found.values[order[:10]], rel=1e-2)


def test_scores_of_the_model(opened: Opened, inspection: Inspection) -> None:
    names = ("\n", "<b>sun</b>", "moon")
    torch.manual_seed(5)
    scored = replace(inspection, readout=Readout(torch.randn(3, 2 * UNITS), torch.randn(3), names))
    page = opened(scored, "#pass=0&step=50&unit=4&tab=force&range=50-60")
    settled(page)
    effect = intervene(scored, [Force("l0", "c", [4], 50, 60, 0.0)])
    was, now = (scored.said(torch.from_numpy(each)).numpy() for each in (effect.before, effect.after))
    most = int(np.linalg.norm(now - was, axis=1).argmax())
    assert "What the model says changes by up to" in page.locator("aside [role=status]").inner_text()
    rows = {
        row.split("\t")[0]: [float(each) for each in row.split("\t")[1:]]
        for row in page.locator("aside .panel > table tbody tr").all_inner_texts()
    }
    assert rows.keys() == {"⏎", "<b>sun</b>", "moon"}
    assert rows["moon"] == pytest.approx([was[most, 2], now[most, 2]], rel=1e-2)
    page.keyboard.press("8")
    settled(page)
    page.get_by_label("Score of").select_option("<b>sun</b>")
    settled(page)
    assert page.locator("aside h2").inner_text() == "Why the score of <b>sun</b> is so at step 50"
    found = attribution(scored, 50, 1)
    assert found.score == pytest.approx(float(scored.said(torch.from_numpy(effect.before))[50 - effect.start, 1]))
    assert f"It is {found.score:.3g}" in page.locator("aside").inner_text()
    assert state(page)["output"] == "1"


def test_a_failed_self_check_is_red(opened: Opened, inspection: Inspection) -> None:
    wrong = Inspection(inspection.passes, inspection.tracks, error=0.5)
    page = opened(wrong)
    assert page.locator(".check.wrong").inner_text().startswith("✗ self-check")
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
