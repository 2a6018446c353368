"""Every number in the page is what NumPy gives, to the digits shown; the reference is six lines of NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from playwright.sync_api import Page

import cellwright as cw
from cellwright.inspection import Inspection
from cellwright.inspection.flow import flow
from tests.inspection.page import Opened, settled

STEPS, INPUTS, UNITS, STEP, UNIT = 300, 3, 5, 123, 2
Array = np.ndarray


@pytest.fixture(scope="module")
def layer() -> cw.LSTM:
    torch.manual_seed(3)
    return cw.LSTM(INPUTS, UNITS, dtype=torch.float64)


@pytest.fixture(scope="module")
def inspection(layer: cw.LSTM) -> Inspection:
    return cw.inspect(layer, torch.randn(STEPS, INPUTS, dtype=torch.float64))


@pytest.fixture(scope="module")
def signals(layer: cw.LSTM, inspection: Inspection) -> dict[str, Array]:
    """All signals, and z of the gates, `[T, H]`, by NumPy alone."""
    w, r, b, b_r = (each.detach().numpy() for each in layer.parameters())
    h, c, rows = np.zeros(UNITS), np.zeros(UNITS), []
    for x in inspection["l0"].inputs[0]:
        z = np.split(w @ x + b + r @ h + b_r, 4)
        i, f, o = (1 / (1 + np.exp(-z[n])) for n in (0, 1, 3))
        g = np.tanh(z[2])
        c = f * c + i * g
        h = o * np.tanh(c)
        rows.append([i, f, g, o, c, h, *z])
    names = ["i", "f", "g", "o", "c", "h", "z_i", "z_f", "z_g", "z_o"]
    return dict(zip(names, np.moveaxis(np.array(rows), 1, 0), strict=True))


def shown(value: float, digits: int = 3) -> str:
    """A number as the page writes it."""
    rounded = float(f"{value:.{digits - 1}e}")
    if 0 < abs(rounded) < 1e-3:
        return np.format_float_scientific(rounded, digits - 1, min_digits=digits - 1, exp_digits=1)
    return np.format_float_positional(rounded, trim="-")


def cells(page: Page, row: str) -> list[str]:
    return [each.strip() for each in page.locator(row).inner_text().split("\t")]


def opened_at(opened: Opened, inspection: Inspection, tab: str) -> Page:
    page = opened(inspection, f"#pass=0&step={STEP}&unit={UNIT}&tab={tab}")
    settled(page)
    return page


def test_the_card(opened: Opened, inspection: Inspection, layer: cw.LSTM, signals: dict[str, Array]) -> None:
    page = opened_at(opened, inspection, "cell")
    at = {name: float(each[STEP, UNIT]) for name, each in signals.items()}
    before = float(signals["c"][STEP - 1, UNIT])
    lines = page.locator("pre.calculation").inner_text().splitlines()
    assert [float(line.split(" = ")[2]) for line in lines] == [round(at[name], 3) for name in "ifgoch"]
    assert lines[4].replace("(", "").replace(")", "") == (
        f"c = {at['f']:.3f} * {before:.3f} + {at['i']:.3f} * {at['g']:.3f} = {at['c']:.3f}"
    )
    assert f"c = {shown(before, 4)}" in page.locator("aside").inner_text()
    x, h = inspection["l0"].inputs[0][STEP], signals["h"][STEP - 1]
    for gate, name in enumerate("ifgo"):
        row = gate * UNITS + UNIT
        w, r, b, b_r = (each.detach().numpy()[row] for each in layer.parameters())
        parts = {f"input {n}": value for n, value in enumerate(w * x)}
        parts |= {f"unit {n}": value for n, value in enumerate(r * h)} | {"bias": b + b_r}
        page.locator("summary").nth(gate).click()
        assert page.locator("summary").nth(gate).inner_text() == f"z of {name} = {shown(at[f'z_{name}'], 4)}"
        texts = page.locator("details").nth(gate).locator("tr").all_inner_texts()
        found = [each.strip().split("\t")[:2] for each in texts]
        order = sorted(parts, key=lambda part: -abs(parts[part]))
        assert found == [[part, shown(parts[part])] for part in order]


def test_memory(opened: Opened, inspection: Inspection, layer: cw.LSTM, signals: dict[str, Array]) -> None:
    page = opened_at(opened, inspection, "memory")
    f = signals["f"][1:, UNIT]  # at the first step there is nothing yet to keep
    bias = sum(each.detach().numpy()[UNITS + UNIT] for each in (layer.bias_ih_l0, layer.bias_hh_l0))
    assert cells(page, "aside .panel > table tr")[1:] == [
        f"geometric {shown(-1 / np.log(f).mean())}",
        f"arithmetic {shown(-1 / np.log(f.mean()))}",
        f"by bias {shown(1 / np.log1p(np.exp(-bias)))}",
        f"by gradient {shown(flow(inspection['l0'], 200).constants[UNIT])}",
    ]
    lost = -np.cumsum(np.log(signals["f"][STEP + 1 :, UNIT]))
    life = int(np.flatnonzero(lost > np.log(2))[0]) + 1
    assert f"Half of what unit {UNIT} holds now is gone after {life} steps." in page.locator("aside").inner_text()


def test_the_ledger(opened: Opened, inspection: Inspection, signals: dict[str, Array]) -> None:
    page = opened_at(opened, inspection, "ledger")
    written = (signals["i"] * signals["g"])[: STEP + 1, UNIT]
    left = np.array([np.prod(signals["f"][j + 1 : STEP + 1, UNIT]) for j in range(STEP + 1)])
    order = np.argsort(-np.abs(written * left))[:10]
    rows = [each.split("\t") for each in page.locator("aside .panel > table tbody tr").all_inner_texts()]
    assert rows[:10] == [
        [f"{n}", shown(written[n]), f"{shown(100 * left[n])} %", shown(written[n] * left[n])] for n in order
    ]
    assert (
        f"c = {shown(signals['c'][STEP, UNIT], 5)} is the sum of {STEP + 1} writes"
        in page.locator("aside").inner_text()
    )


def test_health(opened: Opened, inspection: Inspection, signals: dict[str, Array]) -> None:
    page = opened_at(opened, inspection, "health")
    title = page.locator("circle title").nth(UNIT).text_content()
    low, high = (signals["f"] < 0.1).mean(0), (signals["f"] > 0.9).mean(0)
    assert title == f"unit {UNIT}: low in {100 * low[UNIT]:.1f} %, high in {100 * high[UNIT]:.1f} %"
    said = page.locator("aside").inner_text()
    assert f"lower end in {100 * low.mean():.0f} % of the steps" in said
    assert f"upper end in {100 * high.mean():.0f} %" in said


def test_gradients(opened: Opened, inspection: Inspection) -> None:
    page = opened_at(opened, inspection, "gradients")
    found = flow(inspection["l0"], 200)
    assert f"{found.verdict}: after {found.horizon} steps less than 1 % is left." in page.locator("aside").inner_text()
