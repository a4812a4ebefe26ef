import pytest

from app.algorithms.registry import SHIPPED, definition
from app.core.errors import Invalid


def test_the_shipped_algorithms_are_found_by_name() -> None:
    assert list(SHIPPED) == ["channel", "sma_hma", "ema_rsi", "macd", "supertrend"]
    assert all(definition(name).name == name for name in SHIPPED)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(Invalid, match="'grid', but channel, sma_hma") as caught:
        definition("grid")

    assert caught.value.code == "unknown_algorithm"


@pytest.mark.parametrize("name", SHIPPED)
def test_every_parameter_has_a_default_and_says_what_it_is(name: str) -> None:
    found = definition(name)
    fields = found.parameters.model_json_schema()["properties"]

    assert found.version >= 1
    assert found.warm_up(found.validated({})) > 1
    assert all(field.get("description") for field in fields.values())
    assert all("default" in field for field in fields.values())
