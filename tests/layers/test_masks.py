"""Masks: the published numbers of the generator, the right share, nothing in common between one and the next."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx

import cellwright as cw
from cellwright.kernels.choices import choose
from cellwright.layers.masks import Draw, Masks, choose_by_operators, hashes, hashes_by_operators

CPU, HALF = torch.device("cpu"), Draw.marked(0.5)


def hit(shape: tuple[int, ...], probability: float) -> Tensor:
    return Masks(CPU).one(shape, Draw.marked(probability), torch.float64)


def test_the_numbers_are_those_of_splitmix64() -> None:
    # The first outputs for the seed 1234567, as the generator's test vectors have them.
    expected = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    for drawn in (hashes, hashes_by_operators):
        assert [int(each) % (1 << 64) for each in drawn(torch.tensor(1234567), 5)] == expected


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 1001])
@pytest.mark.parametrize("start", [0, 123456789012345, -5])
def test_the_cpu_draws_what_other_devices_draw(start: int, count: int) -> None:
    assert torch.equal(hashes(torch.tensor(start), count), hashes_by_operators(torch.tensor(start), count))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("columns", [0, 1, 7, 16, 33, 64])
@pytest.mark.parametrize("rows", [0, 1, 5])
def test_the_cpu_chooses_what_other_devices_choose(rows: int, columns: int, dtype: torch.dtype) -> None:
    chances = torch.randint(-(1 << 15), 1 << 15, (rows, 3, columns), dtype=torch.int16)
    chances[:1, :, :1] = 99
    for draw in (Draw.dropped(0.3), Draw.marked(0.3)):
        found, expected = (torch.full(chances.shape, 7.0, dtype=dtype) for _ in range(2))
        for fill, numbers in ((choose, found), (choose_by_operators, expected)):
            fill(chances[:, 1], 99, draw.value, draw.otherwise, numbers[:, 1])
        assert torch.equal(found, expected)


def test_they_can_be_drawn_where_there_are_no_numbers() -> None:
    with FakeTensorMode():
        y, _ = cw.LSTM(3, 4, zoneout=0.1, recurrent_dropout=0.1)(torch.randn(5, 2, 3))
    assert y.shape == (5, 2, 4)


def test_operators_can_be_written_down() -> None:
    lstm, x = cw.LSTM(3, 4, zoneout=0.1).requires_grad_(False), torch.randn(5, 2, 3)
    graph = make_fx(lambda x: lstm(x)[0])(x)
    torch.manual_seed(0)
    found = graph(x)
    torch.manual_seed(0)
    assert torch.equal(found, lstm(x)[0])


@pytest.mark.parametrize("probability", [0.0, 0.05, 0.5, 0.999, 1.0])
def test_the_share_of_hits_is_the_probability(probability: float) -> None:
    torch.manual_seed(0)
    hits = hit((1000, 1001), probability)
    assert hits.shape == (1000, 1001)
    spread = (probability * (1 - probability) / hits.numel()) ** 0.5
    assert abs(float(hits.double().mean()) - probability) <= 4 * spread + 1 / 65536


def test_what_is_kept_has_the_mean_one() -> None:
    torch.manual_seed(0)
    kept = Masks(CPU).one((1000, 1000), Draw.dropped(0.3), torch.float64)
    assert abs(float(kept.mean()) - 1) < 0.005
    assert len(kept.unique()) == 2


def test_masks_are_independent_of_one_another_and_of_themselves_one_further() -> None:
    torch.manual_seed(0)
    masks = Masks(CPU)
    first, second = (masks.one((1 << 20,), HALF, torch.float64) - 0.5 for _ in range(2))
    other = hit((1 << 20,), 0.5) - 0.5
    for one, two in ((first, second), (first, other), (first[1:], first[:-1]), (first[4:], first[:-4])):
        assert abs(float((one * two).mean())) < 4 * 0.25 / 1024


def test_the_same_seed_draws_the_same() -> None:
    found = []
    for threads in (1, 2):
        torch.manual_seed(7)
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        found.append(hit((300, 1000), 0.5))
        torch.set_num_threads(before)
    assert torch.equal(*found)


def test_a_number_is_the_same_in_a_longer_mask() -> None:
    found = []
    for count in (10, 1000):
        torch.manual_seed(7)
        found.append(hit((count,), 0.5)[:10])
    assert torch.equal(*found)
