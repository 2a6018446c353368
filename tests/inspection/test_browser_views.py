"""The views that work something out: force, the lesson, why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cellwright.inspection import Inspection
from cellwright.inspection.attribution import attribution
from cellwright.inspection.card import calculation
from cellwright.inspection.intervention import Force, intervene
from cellwright.inspection.readout import Readout
from tests.inspection.page import UNITS, Opened, settled, state


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
