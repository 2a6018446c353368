"""Budget, learning rate and validations."""

import math

import pytest

from cellwright.errors import InputError
from cellwright.training import TrainingSettings
from cellwright.training.schedule import Clock, Schedule


def test_epochs_count_steps_and_minutes_count_seconds_and_the_first_to_end_counts():
    both = Schedule(TrainingSettings(epochs=2, minutes=1), steps_per_epoch=10)
    assert both.done(step=5, seconds=6) == 0.25
    assert both.done(step=5, seconds=30) == 0.5
    assert both.done(step=25, seconds=0) == 1
    assert Schedule(TrainingSettings(minutes=1), 10).done(step=1000, seconds=15) == 0.25


def test_the_learning_rate_rises_then_falls_to_zero():
    schedule = Schedule(TrainingSettings(learning_rate=0.4, warm_up=0.1, epochs=1), 100)
    rates = [schedule.learning_rate(step / 1000) for step in range(1001)]
    assert max(rates) == rates[100] == 0.4
    assert 0 < rates[0] < 0.01
    assert rates == sorted(rates[:101]) + sorted(rates[101:], reverse=True)
    assert rates[550] == pytest.approx(0.2)
    assert rates[-1] == pytest.approx(0, abs=1e-12)


def test_without_warm_up_the_highest_comes_first():
    schedule = Schedule(TrainingSettings(learning_rate=0.4, warm_up=0, epochs=1), 100)
    assert schedule.learning_rate(0.0) == 0.4


@pytest.mark.parametrize("times", [1, 3, 20, 97])
def test_validations_come_at_squares_and_end_with_the_budget(times):
    schedule = Schedule(TrainingSettings(epochs=1, validations=times), 100)
    done, found = 0.0, []
    while done < 1:
        done = schedule.next_validation(done)
        found.append(done)
    assert found == [pytest.approx((each / times) ** 2) for each in range(1, times + 1)]
    assert found[-1] == 1.0


def test_a_clock_goes_on_from_where_it_is_set():
    clock = Clock()
    assert 0 <= clock.look() < 1
    clock.go_on(100.0)
    assert clock.seconds == 100
    assert 100 <= clock.look() == clock.seconds < 101


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "must have an end"),
        ({"minutes": 0}, "--minutes must be above 0, not 0"),
        ({"epochs": -1}, "--epochs must be above 0, not -1"),
        ({"minutes": math.inf}, "--minutes must be above 0, not inf"),
        ({"epochs": 1, "learning_rate": math.nan}, "--learning-rate must be above 0, not nan"),
        ({"epochs": 1, "clip": 0}, "--clip must be above 0"),
        ({"epochs": 1, "seed": -1}, "--seed must be from 0"),
        ({"epochs": 1, "warm_up": 1.0}, "--warm-up must be from 0 to below 1, not 1"),
        ({"epochs": 1, "weight_decay": -0.1}, "--weight-decay must be 0 or more, not -0.1"),
    ],
)
def test_settings_out_of_range_are_refused_with_the_value(options, message):
    with pytest.raises(InputError, match=message):
        TrainingSettings(**options)
