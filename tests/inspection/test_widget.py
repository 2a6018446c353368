"""The widget for notebooks: its front end in a real browser, under the strictest policy that a notebook has."""

from __future__ import annotations

import sys

import pytest
import torch
from playwright.sync_api import Browser

import cellwright as cw
from cellwright.errors import InputError
from cellwright.inspection import Inspection

NOTEBOOK = """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline';
script-src 'unsafe-inline' blob:; img-src data:; child-src https: data:"><body></body>"""
RENDER = """async ([code, state]) => {
    const front = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
    front.default.render({ model: { get: (name) => state[name] }, el: document.body });
}"""
FROM_OUTSIDE = "() => { try { return parent.document.title; } catch (error) { return error.name; } }"


@pytest.fixture
def inspection() -> Inspection:
    torch.manual_seed(3)
    return cw.inspect(cw.LSTM(3, 6), torch.randn(120, 3), tracks={"word": ["</script>", "<b>sun</b>"] * 60})


def test_a_notebook_shows_the_page(browser: Browser, inspection: Inspection) -> None:
    widget = inspection.widget("<i>first</i>", height=640)
    wrong: list[str] = []
    page = browser.new_page(viewport={"width": 1000, "height": 700})
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: wrong.append(request.url) if request.url.startswith("http") else None)
    page.set_content(NOTEBOOK)
    page.evaluate(RENDER, [widget._esm, {"page": widget.page, "height": widget.height}])
    frame = page.frame_locator("iframe")
    frame.locator("canvas.time").first.wait_for()
    box = page.locator("iframe").bounding_box()
    assert box is not None
    assert box["height"] == 640
    assert frame.locator("h1").inner_text() == "<i>first</i>"
    assert page.frames[1].evaluate(FROM_OUTSIDE) == "SecurityError"
    frame.locator(".veil").click(position={"x": 5, "y": 5})
    for number in (1, 2, 3, 4, 5, 9):
        page.keyboard.press(f"{number}")
        page.wait_for_timeout(300)
        assert frame.locator("aside h2").count() == 1
        assert frame.locator("aside .error").count() == 0
    assert frame.get_by_role("button", name="Copy a link").count() == 0
    with page.expect_download() as waiting:
        frame.get_by_role("button", name="Save the pictures as PNG").click()
    assert waiting.value.suggested_filename.endswith(".png")
    page.close()
    assert not wrong


def test_what_is_missing_is_told(inspection: Inspection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "cellwright.inspection.widget", raising=False)
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(InputError, match=r"needs anywidget, which is not installed; pip install 'cellwright\[notebook"):
        inspection.widget()
