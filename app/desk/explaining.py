"""What an alert would mean, and what one strategy would do with it now; nothing changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import ExchangeAccount
from app.core.errors import Invalid
from app.desk.alarm_schemas import (
    AppliedOut,
    ExplanationOut,
    IntentOut,
    LevelOut,
    ProblemOut,
    SizeOut,
    TargetOut,
    WouldOut,
)
from app.exchanges.room import PAPER
from app.pipeline.alarms.meaning import Action, Intent, Problem
from app.pipeline.alarms.resolving import Rules, resolve
from app.pipeline.alarms.sentences import sentence
from app.pipeline.alarms.service import Reading
from app.pipeline.flow.tools import Tools
from app.pipeline.positions import repository as positions
from app.strategies import repository as strategies
from app.strategies.models import Strategy
from app.trading.instrument import Instrument
from app.trading.tickers import parse_ticker, resolve_ticker
from app.trading.words import MarketType


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose markets the tickers are looked up on: a strategy's, else the paper exchange's."""

    tools: Tools
    strategy: Strategy | None = None
    account: ExchangeAccount | None = None

    def symbol(self, ticker: str) -> str:
        """The ccxt symbol of a ticker.

        Raises:
            Invalid: no market, or more than one.
        """
        market_type = self._market_type(ticker)
        return resolve_ticker(
            ticker,
            self._listed(market_type),
            market_type=market_type,
            ticker_map=self.strategy.ticker_map if self.strategy is not None else {},
        )

    def _market_type(self, ticker: str) -> MarketType:
        if self.account is not None:
            return self.account.market_type
        is_contract = parse_ticker(ticker).is_perpetual
        return MarketType.LINEAR if is_contract else MarketType.SPOT

    def _listed(self, market_type: MarketType) -> Mapping[str, Instrument]:
        exchange = self.account.exchange if self.account is not None else PAPER
        return self.tools.instruments.all(exchange, market_type)


async def explain(
    tools: Tools, body: bytes, *, user_id: UUID, strategy_id: UUID | None
) -> ExplanationOut:
    """Read an alert as the webhook would.

    Raises:
        NotFound: no such strategy of this user.
    """
    async with tools.database.read() as session:
        reader = await _reader(session, tools, user_id, strategy_id)
        reading = Reading.of(body)
        if reading.meaning is None:
            return _unreadable(reading)
        intents, problems = [], [*reading.meaning.problems]
        for intent in reading.meaning.intents:
            shown, problem = _shown(reader, intent)
            intents.append(shown)
            problems += [problem] if problem is not None else []
        return ExplanationOut(
            dialect=reading.meaning.dialect,
            understood=True,
            reason=None,
            intents=intents,
            sentence=" ".join(map(sentence, reading.meaning.intents)),
            problems=[ProblemOut.model_validate(one) for one in problems],
            strategy=await _applied(session, reader, reading.meaning.intents),
        )


async def _reader(
    session: AsyncSession, tools: Tools, user_id: UUID, strategy_id: UUID | None
) -> Reader:
    if strategy_id is None:
        return Reader(tools)
    strategy = await strategies.owned(session, strategy_id, user_id)
    return Reader(tools, strategy, await session.get_one(ExchangeAccount, strategy.account_id))


def _unreadable(reading: Reading) -> ExplanationOut:
    refusal = reading.refusal
    if refusal is None:
        raise AssertionError("a reading without meaning has a refusal")
    return ExplanationOut(
        dialect=refusal.dialect,
        understood=False,
        reason=f"{refusal.code}: {refusal.detail}",
        intents=[],
        sentence=None,
        problems=[ProblemOut.model_validate(refusal.problem)],
    )


def _shown(reader: Reader, intent: Intent) -> tuple[IntentOut, Problem | None]:
    symbol, problem = None, None
    try:
        symbol = None if intent.ticker is None else reader.symbol(intent.ticker)
    except Invalid as unknown:
        problem = Problem(unknown.code, unknown.detail)
    shown = IntentOut(
        action=intent.action,
        position_side=intent.position_side,
        ticker=intent.ticker,
        symbol=symbol,
        size=SizeOut.of(intent.size),
        order_type=intent.order_type,
        limit_price=intent.limit_price,
        stop_loss=LevelOut.of(intent.stop_loss),
        take_profits=[TargetOut.of_target(target) for target in intent.take_profits],
        leverage=intent.leverage,
        comment=intent.comment,
    )
    return shown, problem


async def _applied(
    session: AsyncSession, reader: Reader, intents: tuple[Intent, ...]
) -> AppliedOut | None:
    strategy, account = reader.strategy, reader.account
    if strategy is None or account is None:
        return None
    return AppliedOut(
        strategy_id=strategy.id,
        name=strategy.name,
        is_active=strategy.is_active,
        approval=strategy.approval,
        sizing_mode=strategy.sizing_mode,
        sizing_value=strategy.sizing_value,
        leverage=strategy.leverage,
        sides=strategy.sides,
        on_opposite=strategy.on_opposite,
        max_alarm_age_seconds=strategy.max_alarm_age_seconds,
        would=[await _would(session, reader, strategy, account, one) for one in intents],
    )


async def _would(
    session: AsyncSession,
    reader: Reader,
    strategy: Strategy,
    account: ExchangeAccount,
    intent: Intent,
) -> WouldOut:
    symbol, resolved, reason = None, intent, None
    try:
        symbol = None if intent.ticker is None else reader.symbol(intent.ticker)
    except Invalid as unknown:
        reason = f"{unknown.code}: {unknown.detail}"
    if symbol is not None:
        book = await positions.held_by(session, strategy.id, symbol)
        rules = Rules(
            sides=strategy.sides,
            on_opposite=strategy.on_opposite,
            market_type=account.market_type,
        )
        side = None if book is None else book.position_side
        resolved = resolve(intent, book_side=side, rules=rules)
    if resolved.action is Action.IGNORE and resolved.reason is not None:
        reason = f"{resolved.reason.code}: {resolved.reason.detail}"
    return WouldOut(
        action=resolved.action,
        position_side=resolved.position_side,
        symbol=symbol,
        sentence=sentence(resolved),
        reason=reason,
    )
