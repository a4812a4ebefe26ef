"""Capital of each strategy: what it may use, and what it earned and does not use again."""

from decimal import Decimal
from typing import Any

import pytest

from app.core.ids import new_id
from app.pipeline.pnl.models import Booking
from app.strategies.words import Approval, SizingMode
from tests.builders import d
from tests.integration.desk.front import Front


async def row_of(front: Front) -> dict[str, Any]:
    rows = (await front.get("/capital/balance"))["strategies"]
    [found] = [one for one in rows if one["strategy_id"] == str(front.desk.strategy.id)]
    row: dict[str, Any] = found
    return row


async def round_trip(front: Front, exit_price: str, key: str = "1") -> Decimal:
    """Half of what it may size by, long from 60,000 to there; its quantity."""
    await front.desk.price("60000")
    await front.desk.alert(id=f"in{key}")
    bought = (await front.desk.positions())[-1].quantity
    await front.desk.price(exit_price)
    await front.desk.alert(action="close", id=f"out{key}")
    front.desk.clock.advance(60)
    return bought


async def allocate(front: Front, amount: str, **changes: Any) -> None:
    await front.desk.change_strategy(
        approval=Approval.AUTO,
        allocation=d(amount),
        sizing_mode=SizingMode.EQUITY_PERCENT,
        sizing_value=d("50"),
        **changes,
    )


async def test_profit_is_set_apart_and_not_put_to_work(front: Front) -> None:
    await allocate(front, "12000")

    # 50 % of 12,000 at 60,000
    assert await round_trip(front, "66000") == d("0.1")
    row = await row_of(front)
    assert await round_trip(front, "66000", "2") == d("0.1")

    # 0.1 · 6,000 less 6 and 6.6
    assert (row["net_result"], row["segregated_profit"]) == ("587.4", "587.4")
    assert (row["principal"], row["free"], row["used"]) == ("12000", "12000", "0")
    assert (row["allocation"], row["reinvest"], row["currency"], row["is_paper"]) == (
        "12000",
        False,
        "USDT",
        True,
    )


async def test_profit_is_put_to_work_where_the_trader_says_so(front: Front) -> None:
    await allocate(front, "12000", reinvest=True)

    await round_trip(front, "66000")
    row = await row_of(front)

    assert (row["principal"], row["segregated_profit"]) == ("12587.4", "0")
    # 50 % of 12,587.4 at 60,000 is 0.104895
    assert await round_trip(front, "66000", "2") == d("0.104")


@pytest.mark.parametrize("reinvest", [False, True])
async def test_a_loss_is_taken_out_of_what_it_may_use(front: Front, *, reinvest: bool) -> None:
    await allocate(front, "12000", reinvest=reinvest)

    await round_trip(front, "54000")
    row = await row_of(front)

    # 0.1 · -6,000 less 6 and 5.4
    assert (row["net_result"], row["principal"]) == ("-611.4", "11388.6")
    assert row["segregated_profit"] == "0"
    # 50 % of 11,388.6 at 60,000 is 0.094905
    assert await round_trip(front, "60000", "2") == d("0.094")


async def test_what_is_open_is_in_use(front: Front) -> None:
    await allocate(front, "12000")
    await front.desk.alert()

    row = await row_of(front)

    assert (row["used"], row["free"], row["principal"]) == ("6000", "6000", "12000")


async def test_without_an_allocation_the_whole_account_is_sized_by(front: Front) -> None:
    row = await row_of(front)

    assert (row["allocation"], row["principal"], row["free"], row["segregated_profit"]) == (
        None,
        None,
        None,
        None,
    )
    assert (row["used"], row["net_result"], row["currency"]) == ("0", "0", "USDT")


async def test_coins_are_never_added_up(front: Front) -> None:
    await allocate(front, "12000")
    await round_trip(front, "54000")
    [booked] = await front.desk.bookings()
    await front.desk.keep(
        Booking(
            id=new_id(),
            user_id=booked.user_id,
            strategy_id=booked.strategy_id,
            position_id=booked.position_id,
            is_paper=True,
            currency="USDC",
            day=booked.day,
            gross_pnl=d("611.4"),
            fees=d("0"),
            net_pnl=d("611.4"),
            booked_at=booked.booked_at,
        )
    )

    rows = (await front.get("/capital/balance"))["strategies"]

    own = [one for one in rows if one["strategy_id"] == str(front.desk.strategy.id)]
    assert [(one["currency"], one["net_result"]) for one in own] == [
        ("USDC", "611.4"),
        ("USDT", "-611.4"),
    ]
    # A profit in one coin makes up for no loss in another: 50 % of 11,388.6.
    assert await round_trip(front, "60000", "2") == d("0.094")
