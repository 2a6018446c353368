"""Every task learns on a CUDA device, is watched and measured there, and shows what it does."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from cellwright.cli import main
from cellwright.tasks import families
from cellwright.training import watch
from tests.tasks.small import MAKERS, OPTIONS


@pytest.mark.parametrize("name", families)
def test_a_task_learns_on_a_gpu(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SHARE", 10.0)  # so that it looks inside however short the run is
    monkeypatch.setattr(watch, "FIRST", 0.0)
    data = MAKERS[name](tmp_path / "learn", 40, 1)
    assert main(["train", name, str(data), "--run", str(tmp_path / "run"), *OPTIONS[name], "--epochs", "2"]) == 0
    assert math.isfinite(json.loads((tmp_path / "run" / "result.json").read_text())["loss"])
    assert "inside_" in (tmp_path / "run" / "metrics.csv").read_text().partition("\n")[0]
