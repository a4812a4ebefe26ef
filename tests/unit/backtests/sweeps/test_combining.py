from decimal import Decimal

import pytest

from app.algorithms.registry import definition
from app.backtests.sweeps.combining import MOST_COMBINATIONS, Range, combinations, first_that_fits
from app.core.errors import Invalid
from tests.builders import d


def test_every_value_meets_every_other_the_last_changing_first() -> None:
    found = combinations({"signal": 9}, {"fast": [5, 8], "slow": Range(d("20"), d("30"), d("10"))})

    assert found == [
        {"signal": 9, "fast": 5, "slow": 20},
        {"signal": 9, "fast": 5, "slow": 30},
        {"signal": 9, "fast": 8, "slow": 20},
        {"signal": 9, "fast": 8, "slow": 30},
    ]


@pytest.mark.parametrize(
    ("since", "until", "step", "values"),
    [
        ("1", "2", "0.5", [1, "1.5", 2]),
        ("1", "1", "1", [1]),
        ("1", "2.9", "1", [1, 2]),
        ("-1", "1", "1", [-1, 0, 1]),
        ("0.1", "0.3", "0.1", ["0.1", "0.2", "0.3"]),
    ],
)
def test_a_range_has_both_ends_and_whole_numbers_where_it_can(
    since: str, until: str, step: str, values: list[int | str]
) -> None:
    assert Range(d(since), d(until), d(step)).values() == values


@pytest.mark.parametrize(
    ("grid", "code"),
    [
        ({}, "empty_grid"),
        ({"fast": []}, "empty_grid"),
        ({"fast": Range(d("5"), d("4"), d("1"))}, "empty_grid"),
        ({"fast": [1], "signal": [9]}, "fixed_and_swept"),
        ({"fast": Range(d("1"), d("2001"), d("1"))}, "too_many_combinations"),
        ({"fast": list(range(50)), "slow": list(range(41))}, "too_many_combinations"),
        ({"fast": Range(d("0"), Decimal("1e37"), Decimal("1e-37"))}, "too_many_combinations"),
    ],
)
def test_what_cannot_be_swept_says_why(grid: dict[str, list[int] | Range], code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        combinations({"signal": 9}, grid)

    assert refusal.value.code == code


def test_two_thousand_are_taken() -> None:
    assert len(combinations({}, {"fast": Range(d("1"), d("2000"), d("1"))})) == MOST_COMBINATIONS


def test_some_may_be_refused_by_the_algorithm_and_not_all() -> None:
    macd = definition("macd")

    assert first_that_fits(macd, [{"fast": 30}, {"fast": 5}]) == {"fast": 5}
    with pytest.raises(Invalid) as refusal:
        first_that_fits(macd, [{"fast": 30}, {"fast": 31}])
    assert refusal.value.code == "bad_parameters"
