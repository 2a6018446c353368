"""The dates that come behind those of a series."""

from __future__ import annotations

import itertools
from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta


def following(dates: Sequence[datetime], spacing: timedelta) -> Iterator[datetime]:
    """The dates behind some: each a spacing later, or so many months where these are months apart.

    >>> known = [datetime(2023, month, 1) for month in (10, 11, 12)]
    >>> [f"{date:%Y-%m-%d}" for date in itertools.islice(following(known, timedelta(30)), 2)]
    ['2024-01-01', '2024-02-01']
    """
    last, months = dates[-1], months_apart(dates)
    for count in itertools.count(1):
        yield months_later(last, count * months) if months else last + count * spacing


def months_apart(dates: Sequence[datetime]) -> int:
    """How many months are between dates that fall on one day of the month, or on its last, at one time of day; else 0.

    >>> months_apart([datetime(2024, 1, 31), datetime(2024, 2, 29), datetime(2024, 3, 31)])
    1
    """
    months = [12 * each.year + each.month for each in dates]
    apart = {later - sooner for sooner, later in itertools.pairwise(months)}
    one_day = len({each.day for each in dates}) == 1 or all(map(is_last, dates))
    one_time = len({each.time() for each in dates}) == 1
    return apart.pop() if one_day and one_time and len(apart) == 1 else 0


def is_last(date: datetime) -> bool:
    """Whether a date is the last day of its month."""
    return date.day == monthrange(date.year, date.month)[1]


def months_later(date: datetime, months: int) -> datetime:
    """The same day some months later; the last of a month stays the last."""
    year, month = divmod(12 * date.year + date.month - 1 + months, 12)
    last = monthrange(year, month + 1)[1]
    return date.replace(year=year, month=month + 1, day=last if is_last(date) else min(date.day, last))
