"""What the page is told: pictures, search, orders, cards, and every answer of the server."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import torch

import cellwright as cw
from cellwright.errors import InputError
from cellwright.inspection import Inspection
from cellwright.inspection import tiles as pictures
from cellwright.inspection.api import QUESTIONS, Viewer, plain
from cellwright.inspection.card import calculation, card
from cellwright.inspection.export import single_page
from cellwright.inspection.order import ORDERS, order
from cellwright.inspection.search import find, select
from cellwright.inspection.server import Server
from cellwright.inspection.tiles import COLUMNS, FACTOR, Pyramid, Scale

STEPS, UNITS = 5000, 6


@pytest.fixture(scope="module")
def inspection() -> Inspection:
    torch.manual_seed(1)
    layer = cw.LSTM(3, UNITS, bidirectional=True)
    tracks = {
        "word": [f"<i>{n % 7}</i>" for n in range(STEPS)],
        "label": ([n // 9 % 2 for n in range(STEPS)], ["no", "yes"]),
        "curve": np.sin(np.arange(STEPS * 2).reshape(STEPS, 2) / 50),
        "frame": np.full((STEPS, 2, 2), 7, np.uint8),
    }
    return cw.inspect(layer, torch.randn(STEPS, 3), tracks=tracks)


@pytest.mark.parametrize("name", ["f", "g", "c"])
@pytest.mark.parametrize("level", range(3))
@pytest.mark.parametrize("kept_from", [1, 2, 3])
def test_pictures_hold_every_extreme(
    inspection: Inspection, name: str, level: int, kept_from: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "KEPT_FROM", kept_from)
    made = inspection.passes[0]
    pyramid = Pyramid(made, name)
    assert pyramid.levels == 3
    columns = -(-STEPS // FACTOR**level)
    tiles = [
        np.frombuffer(pyramid.tile(level, n), np.uint8).reshape(*[3] * (level > 0), UNITS, -1)
        for n in range(-(-columns // COLUMNS))
    ]
    found = np.concatenate(tiles, -1)
    assert found.shape[-1] == columns
    levels = pyramid.scale.bytes_of(torch.from_numpy(made.signal(name))).numpy().T
    if level == 0:
        assert np.array_equal(found, levels)
        return
    for column in range(columns):
        part = levels[:, column * FACTOR**level : (column + 1) * FACTOR**level]
        assert np.array_equal(found[0, :, column], part.min(1))
        assert np.array_equal(found[2, :, column], part.max(1))
    assert (found[0] <= found[1]).all()
    assert (found[1] <= found[2]).all()


def test_what_is_no_number_is_marked() -> None:
    x = torch.randn(40, 2)
    x[20] = torch.nan
    made = cw.inspect(cw.LSTM(2, 3), x).passes[0]
    found = np.frombuffer(Pyramid(made, "c").tile(0, 0), np.uint8).reshape(3, 40)
    assert (found[:, :20] > 0).all()
    assert (found[:, 20:] == 0).all()
    assert Scale(0, 1).bytes_of(torch.tensor([torch.inf, -torch.inf])).tolist() == [0, 0]


@pytest.mark.parametrize("kept_from", [2, 3])
def test_levels_do_not_depend_on_the_blocks(
    inspection: Inspection, kept_from: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "KEPT_FROM", kept_from)
    expected = Pyramid(inspection.passes[0], "c").tile(2, 0)
    monkeypatch.setattr(pictures, "BLOCK", 100)
    assert Pyramid(inspection.passes[0], "c").tile(2, 0) == expected


@pytest.mark.parametrize("by", list(ORDERS))
def test_orders_hold_every_unit_once(inspection: Inspection, by: str) -> None:
    assert sorted(order(inspection.passes[0], by).tolist()) == list(range(UNITS))


def test_order_by_likeness_puts_twins_side_by_side() -> None:
    layer = cw.LSTM(2, 6)
    with torch.no_grad():
        for each in layer.parameters():
            for gate in range(4):
                each[gate * 6 + 5] = each[gate * 6]
    found = order(cw.inspect(layer, torch.randn(200, 2)).passes[0], "likeness").tolist()
    assert abs(found.index(0) - found.index(5)) == 1


def test_select_and_find_a_planted_pattern() -> None:
    values = np.random.default_rng(0).normal(0, 0.3, (900, 12))
    for at in (100, 400, 650):
        values[at : at + 8, [2, 5]] += 3
        values[at : at + 8, 7] -= 3
    chosen = select(values, 101, 107)
    assert {(each.unit, each.sign) for each in chosen} == {(2, 1), (5, 1), (7, -1)}
    places = find(values, chosen, 101, 107)
    assert {round(each.start, -1) for each in places[:2]} == {400, 650}
    assert all(each.share == 1 for each in places[:2])
    assert places[0].score > 3


def test_nothing_is_selected_where_nothing_stands_out() -> None:
    values = np.ones((50, 4))
    assert select(values, 3, 9) == []
    assert find(values, [], 3, 9) == []


@pytest.mark.parametrize("name", list(cw.cells))
def test_parts_of_z_sum_up(name: str) -> None:
    layer = cw.Recurrent(name, 3, 4, dtype=torch.float64)
    made = cw.inspect(layer, torch.randn(9, 3, dtype=torch.float64)).passes[0]
    found = card(made, 5, 2)
    anatomy = made.replay(np.array([5]))
    for gate in made.cell.gates:
        assert sum(term.value for term in found.terms[gate]) == pytest.approx(found.inner[gate], abs=1e-12)
        sizes = [abs(term.value) for term in found.terms[gate]]
        assert sizes == sorted(sizes, reverse=True)
        if gate in anatomy.inner:
            assert found.inner[gate] == float(anatomy.inner[gate][1][0, 2])


@pytest.mark.parametrize("name", [name for name in cw.cells if name != "layer_norm"])
def test_the_calculation_gives_its_result(name: str) -> None:
    made = cw.inspect(cw.Recurrent(name, 3, 4, dtype=torch.float64), torch.randn(9, 3, dtype=torch.float64)).passes[0]
    known: dict[str, Any] = {
        "sigmoid": torch.sigmoid, "tanh": torch.tanh, "exp": torch.exp, "relu": torch.relu,
        "softplus": torch.nn.functional.softplus, "maximum": max,
        "clamp": lambda value, low, high: min(max(value, low), high),
        "where": lambda mask, one, other: one if mask else other,
    }  # fmt: skip
    for signal, line in calculation(made, 5, 2).lines.items():
        head, middle, result = line.split(" = ")
        assert head == signal

        def number(value: Any) -> Any:
            return torch.tensor(value, dtype=torch.float64)

        with_tensors = {
            key: (lambda *given, f=function: float(f(*map(number, given)))) for key, function in known.items()
        }
        assert eval(middle, {"__builtins__": {}}, with_tensors) == pytest.approx(float(result), abs=4e-3)


def test_numbers_that_are_none_reach_the_page() -> None:
    assert plain({"a": (1, float("nan")), "b": np.array([-np.inf])}) == {"a": [1, "NaN"], "b": ["-Infinity"]}


@pytest.fixture(scope="module")
def viewer(inspection: Inspection) -> Viewer:
    return Viewer(inspection, "test")


GOOD: dict[str, dict[str, str]] = {
    "about": {},
    "scale": {"pass": "0", "signal": "f"},
    "tile": {"pass": "1", "signal": "c", "level": "1", "number": "0"},
    "values": {"pass": "0", "signal": "h", "start": "7", "end": "99", "unit": "5"},
    "cell": {"pass": "0", "step": "4999", "unit": "5"},
    "lesson": {"pass": "0", "step": "12", "unit": "3", "input f": "1.5", "previous c": "-2"},
    "memory": {"pass": "1"},
    "half": {"pass": "1", "step": "30", "unit": "0"},
    "health": {"pass": "0"},
    "gradients": {"pass": "1"},
    "ledger": {"pass": "1", "step": "4000", "unit": "2"},
    "search": {"pass": "0", "signal": "c", "start": "10", "end": "14"},
    "order": {"pass": "0", "by": "memory"},
    "changes": {"pass": "0", "signal": "f", "start": "10", "end": "14", "unit": "3", "value": "0.5"},
    "why": {"step": "40", "unit": "11", "method": "occlusion"},
    "track": {"number": "2", "start": "10", "end": "30", "stride": "4"},
}


@pytest.mark.parametrize("name", list(QUESTIONS))
def test_every_question_has_an_answer(viewer: Viewer, name: str) -> None:
    assert viewer.answer(name, GOOD[name]).content
    for parameter in GOOD[name]:
        of_numbers = parameter == "value" or " " in parameter
        wrong = ("nan", "inf", "1_0") if of_numbers else ("-1", "1e3", "99999999999999999999", "\u0663")
        for text in ("", "<b>", *wrong):
            with pytest.raises(InputError):
                viewer.answer(name, {**GOOD[name], parameter: text})


@pytest.mark.parametrize("cell", list(cw.cells))
def test_every_cell_has_pictures_and_a_page(cell: str) -> None:
    viewer = Viewer(cw.inspect(cw.Recurrent(cell, 2, 3), torch.randn(30, 2)), "test")
    assert b"recorded" in single_page(viewer)
    found = json.loads(viewer.answer("memory", {"pass": "0"}).content)
    assert cell.startswith("rnn") or all(float(each) > 0 for each in found["geometric"])


def test_large_pictures_and_many_curves_come_in_pieces() -> None:
    tracks = {"frame": np.zeros((300, 100, 100), np.uint8), "curve": np.zeros((300, 9000))}
    viewer = Viewer(cw.inspect(cw.LSTM(2, 3), torch.randn(300, 2), tracks=tracks), "test")
    for number, each in enumerate(json.loads(viewer.answer("about", {}).content)["tracks"]):
        assert each["piece"] < 300
        query = {"number": f"{number}", "start": "0", "end": f"{each['piece']}"}
        assert viewer.answer("track", query).content
    assert b"recorded" in single_page(viewer)


def test_answers_are_what_numpy_finds(viewer: Viewer, inspection: Inspection) -> None:
    made = inspection.passes[0]
    values = np.frombuffer(viewer.answer("values", GOOD["values"]).content, np.float32)
    assert np.array_equal(values, made.signal("h")[7:99, 5])
    found = json.loads(viewer.answer("ledger", {"pass": "0", "step": "300", "unit": "2"}).content)
    assert found["total"] == pytest.approx(float(made.states["c"][300, 2]), abs=1e-5)
    assert sum(found["entries"]) + found["others"] + found["carried"] == pytest.approx(found["total"])
    curve = np.frombuffer(viewer.answer("track", GOOD["track"]).content, np.float32).reshape(2, 5, 2)
    expected = inspection.tracks[2].values[10:30].reshape(5, 4, 2)
    assert np.array_equal(curve, [expected.min(1), expected.max(1)])
    labels = np.frombuffer(viewer.answer("track", {**GOOD["track"], "number": "1"}).content, np.int32)
    assert np.array_equal(labels, inspection.tracks[1].values[10:30:4])


def test_a_million_steps(tmp_path: Path) -> None:
    steps = 1_000_000
    cw.inspect(cw.LSTM(1, 2), torch.randn(steps, 1)).save(tmp_path / "made")
    inspection = Inspection.open(tmp_path / "made")
    assert inspection.right
    viewer = Viewer(inspection, "test")
    levels = json.loads(viewer.answer("scale", {"pass": "0", "signal": "c"}).content)["levels"]
    whole = {"pass": "0", "signal": "c", "level": f"{levels - 1}", "number": "0"}
    assert len(viewer.answer("tile", whole).content) == 3 * 2 * -(-steps // FACTOR ** (levels - 1))
    found = json.loads(viewer.answer("ledger", {"pass": "0", "step": f"{steps - 1}", "unit": "1"}).content)
    assert found["total"] == pytest.approx(found["memory"], abs=1e-5)
    for question, query in (("memory", {}), ("health", {}), ("gradients", {}), ("half", {"step": "0", "unit": "0"})):
        assert viewer.answer(question, {"pass": "0", **query}).content


@pytest.fixture
def server(viewer: Viewer) -> Iterator[Server]:
    with Server(viewer) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield served
        served.shutdown()
        thread.join()


def asked(server: Server, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> tuple[int, str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    sent = {
        "Authorization": f"Bearer {server.token}",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    connection.request(method, path, body or None, sent)
    answer = connection.getresponse()
    content = answer.read().decode(errors="replace")
    connection.close()
    return answer.status, content, answer.headers


def test_the_server_answers_who_knows_the_token(server: Server) -> None:
    status, content, headers = asked(server, "/api/about")
    assert (status, json.loads(content)["steps"]) == (200, STEPS)
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert headers["Access-Control-Allow-Origin"] is None
    assert asked(server, "/")[0] == asked(server, "/page.js")[0] == asked(server, "/page.css")[0] == 200
    assert urlsplit(server.url).hostname == "127.0.0.1"
    assert server.server_address[0] == "127.0.0.1"


def test_the_server_refuses_everybody_else(server: Server) -> None:
    assert asked(server, "/api/about", Authorization="Bearer wrong")[0] == 401
    assert asked(server, "/api/about", Authorization="")[0] == 401
    assert asked(server, f"/api/about?token={server.token}", Authorization="")[0] == 401
    assert asked(server, "/api/about", Host="example.org")[0] == 403
    assert asked(server, "/", Host="example.org")[0] == 403
    for path in ("/../api.py", "/%2e%2e/api.py", "//etc/passwd", "/page.js/..", "/index.html.bak", "/api.py"):
        assert asked(server, path)[0] == 404
    assert asked(server, "/" + "a" * 5000)[0] == 414
    assert asked(server, "/api/about", body=b"a" * 10)[0] == 413
    assert asked(server, "/api/about", Long="a" * 70_000)[0] == 431
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "HEAD"):
        assert asked(server, "/api/about", method)[0] == 501
    status, content, _ = asked(server, "/api/nothing")
    assert (status, content.startswith("there is no question 'nothing'")) == (400, True)
    status, content, headers = asked(server, "/api/cell?pass=0&step=<script>&unit=0")
    assert status == 400
    assert headers["Content-Type"].startswith("text/plain")


def test_a_browser_that_goes_is_no_error(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_connection(("127.0.0.1", server.server_port)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closes with a reset
    assert asked(server, "/api/about")[0] == 200
    assert not capsys.readouterr().err


def test_a_taken_port_is_told(server: Server, viewer: Viewer) -> None:
    with pytest.raises(InputError, match=f"the port {server.server_port} cannot be used"):
        Server(viewer, server.server_port)
