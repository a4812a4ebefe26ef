"""A venue where things happen at the worst moment: while a cancel is on its way there."""

from collections.abc import Callable
from typing import TypeVar

from app.core.errors import OutcomeUnknown
from tests.fakes.exchange import FakeVenue
from tests.integration.flow.desk import FUNDS, Desk

VenueT = TypeVar("VenueT", bound=FakeVenue)


class RacingVenue(FakeVenue):
    """Something happens there while a cancel is on its way, and its answer may get lost.

    Attributes:
        meanwhile: what happens before the next cancel arrives.
        loses_answers: whether a cancel is carried out and nobody hears of it.
    """

    meanwhile: Callable[[], None] | None = None
    loses_answers = False

    async def cancel(
        self, symbol: str, client_order_id: str, *, is_conditional: bool = False
    ) -> None:
        if self.meanwhile is not None:
            happening, self.meanwhile = self.meanwhile, None
            happening()
        await super().cancel(symbol, client_order_id, is_conditional=is_conditional)
        if self.loses_answers:
            raise OutcomeUnknown("cancelling the order: connection lost")


async def trade_at(desk: Desk, kind: type[VenueT]) -> VenueT:
    """From now on the desk's account is at a venue of that kind, and nothing has happened there."""
    market_type = desk.account.market_type
    venue = kind(
        desk.town.markets[market_type],
        *desk.town.instruments[market_type],
        balances={"USDT": FUNDS},
        clock=desk.clock,
    )
    desk.town.venues[desk.account.id] = venue
    await desk.restart()
    return venue
