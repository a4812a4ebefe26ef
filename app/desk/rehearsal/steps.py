"""What each step of a test says, in a trader's words."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Final

from app.accounts.models import ExchangeAccount
from app.core.decimals import plain
from app.desk.preview_schemas import PreviewOut
from app.desk.rehearsal.schemas import RehearsedStep
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.sentences import sentence
from app.pipeline.alarms.service import Reading
from app.pipeline.alarms.status import AlarmStatus
from app.pipeline.signals.models import Signal
from app.settings import TRADINGVIEW_ADDRESSES, Settings
from app.strategies.models import Strategy

INACTIVE: Final = "strategy_inactive: This strategy is switched off."
AFTER_THE_CLOSE: Final = (
    "It waits until the old position is proven closed, and is then sized and checked like any "
    "other entry, at the price of that moment."
)


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A test with everything that its report depends on.

    Attributes:
        status: what the door answered: of the alarm, or `duplicate`.
    """

    alarm: Alarm
    status: str
    strategy: Strategy
    account: ExchangeAccount

    @property
    def is_duplicate(self) -> bool:
        """Whether the text was only counted as a repetition."""
        return self.status == "duplicate"


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A test's signal and what would be done about it.

    Attributes:
        preview: figures and verdicts; None for a flip's entry, which waits for its close.
        failure: why the figures could not be had.
    """

    signal: Signal
    preview: PreviewOut | None
    failure: str | None = None


def door_steps(settings: Settings, sender: str) -> Iterator[RehearsedStep]:
    """What let the test in."""
    yield RehearsedStep(step="door.address", ok=True, detail=f"Alerts from {sender} are taken.")
    if not tradingview_allowed(settings):
        detail = (
            "None of TradingView's own addresses is in WEBHOOK_ALLOWED_IPS: "
            "what comes from there is answered like an unknown page."
        )
        yield RehearsedStep(step="door.tradingview", ok=False, detail=detail)
    detail = "Its pass was taken in place of the token, which is not kept here."
    yield RehearsedStep(step="door.token", ok=True, detail=detail)


def tradingview_allowed(settings: Settings) -> list[str]:
    """Those of TradingView's own addresses that alerts may come from."""
    networks = [ip_network(one) for one in settings.webhook_allowed_ips]
    return [one for one in TRADINGVIEW_ADDRESSES if any(ip_address(one) in net for net in networks)]


def refused_address(sender: str) -> RehearsedStep:
    """The door does not know the sender."""
    detail = f"Nobody may send alerts from {sender}: add it to WEBHOOK_ALLOWED_IPS."
    return RehearsedStep(step="door.address", ok=False, detail=detail)


def not_kept(reason: str) -> RehearsedStep:
    """The door let it in and would not keep it."""
    return RehearsedStep(step="alarm.stored", ok=False, detail=reason)


def alarm_steps(test: Rehearsed) -> Iterator[RehearsedStep]:
    """From the bytes to what they mean for this strategy."""
    alarm = test.alarm
    words = f"{len(alarm.body)} bytes are kept as they came."
    yield RehearsedStep(
        step="alarm.stored", ok=True, detail=words, at=alarm.stored_at or alarm.received_at
    )
    reading = Reading.of(alarm.body)
    yield _understood(alarm, reading)
    if reading.meaning is None:
        return
    yield from _symbol(test)
    yield _fresh(test)
    if test.is_duplicate:
        yield _duplicate(alarm)
    yield _active(test.strategy)


def _understood(alarm: Alarm, reading: Reading) -> RehearsedStep:
    if reading.refusal is not None:
        detail = f"{reading.refusal.code}: {reading.refusal.detail}"
        return RehearsedStep(step="alarm.understood", ok=False, detail=detail)
    intents = reading.meaning.intents if reading.meaning is not None else ()
    said = " ".join(sentence(intent) for intent in intents)
    odd = "".join(f" ({one['code']}: {one['detail']})" for one in alarm.problems)
    return RehearsedStep(
        step="alarm.understood",
        ok=True,
        detail=f"Read as {alarm.dialect}: {said}{odd}",
        at=alarm.decided_at,
    )


def _symbol(test: Rehearsed) -> Iterator[RehearsedStep]:
    alarm = test.alarm
    if alarm.symbol is not None:
        detail = f"{alarm.ticker} is {alarm.symbol} on {test.account.name}."
        yield RehearsedStep(step="alarm.symbol", ok=True, detail=detail)
    elif alarm.ticker is not None and alarm.status is AlarmStatus.REFUSED:
        yield RehearsedStep(step="alarm.symbol", ok=False, detail=alarm.reason or "")


def _fresh(test: Rehearsed) -> RehearsedStep:
    alarm = test.alarm
    if alarm.status is AlarmStatus.STALE:
        return RehearsedStep(step="alarm.fresh", ok=False, detail=alarm.reason or "")
    if alarm.alert_at is None:
        detail = "It carries no time: its age counts from its arrival."
    else:
        age = (alarm.received_at - alarm.alert_at).total_seconds()
        most = test.strategy.max_alarm_age_seconds
        detail = f"It is {age:.1f} s old; an entry may be {most} s."
    return RehearsedStep(step="alarm.fresh", ok=True, detail=detail)


def _duplicate(alarm: Alarm) -> RehearsedStep:
    detail = (
        f"The same alert was tested at {alarm.received_at:%H:%M:%S} UTC: it is counted as one more "
        "delivery of that one and does nothing. Another time or id makes it another alert."
    )
    return RehearsedStep(step="alarm.duplicate", ok=False, detail=detail)


def _active(strategy: Strategy) -> RehearsedStep:
    detail = "The strategy is switched on."
    if not strategy.is_active:
        detail = "The strategy is switched off: entries are refused, exits still count."
    return RehearsedStep(step="strategy.active", ok=strategy.is_active, detail=detail)


def signal_steps(test: Rehearsed, foreseen: Foreseen) -> Iterator[RehearsedStep]:
    """What one signal would become."""
    signal, preview = foreseen.signal, foreseen.preview
    yield RehearsedStep(
        step="signal.created", ok=True, detail=signal.sentence, at=test.alarm.decided_at
    )
    yield RehearsedStep(step="signal.approval", ok=True, detail=_approval(signal))
    if preview is not None:
        yield _sized(signal, preview)
        for rule in preview.rules:
            yield RehearsedStep(step=f"risk.{rule.rule}", ok=rule.ok, detail=rule.detail)
    elif foreseen.failure is None:
        yield RehearsedStep(step="signal.sized", ok=True, detail=AFTER_THE_CLOSE)
    yield _verdict(test, foreseen)


def _approval(signal: Signal) -> str:
    if signal.decided_by is None:
        return "It would wait for your approval."
    return "It would be approved at once, by the strategy's own setting."


def _sized(signal: Signal, preview: PreviewOut) -> RehearsedStep:
    if preview.quantity is None:
        return RehearsedStep(step="signal.sized", ok=False, detail=preview.reason or "no size")
    figures = {
        "worth": preview.notional,
        "entry at": preview.entry_price,
        "stop": preview.stop_loss,
        "target": preview.take_profit,
        "loss at the stop": preview.loss_at_stop,
        "fee": preview.fee,
    }
    parts = [f"{name} {plain(value)}" for name, value in figures.items() if value is not None]
    detail = ", ".join([f"{plain(preview.quantity)} {signal.symbol}", *parts])
    return RehearsedStep(step="signal.sized", ok=True, detail=f"{detail}.", at=preview.price_at)


def _verdict(test: Rehearsed, foreseen: Foreseen) -> RehearsedStep:
    signal, preview = foreseen.signal, foreseen.preview
    refusal = foreseen.failure or (preview.reason if preview is not None else None)
    if signal.action.opens and not test.strategy.is_active:
        refusal = INACTIVE
    elif preview is not None and preview.would_be == "waits":
        return verdict(f"It would wait for a second person's consent: {_order(foreseen)}.")
    if refusal is not None:
        return verdict(f"It would be refused: {refusal}", ok=False)
    if signal.decided_by is None:
        sent = f"It would wait for your approval, and then be sent as: {_order(foreseen)}."
        return verdict(sent)
    return verdict(f"It would be sent as: {_order(foreseen)}.")


def _order(foreseen: Foreseen) -> str:
    signal, preview = foreseen.signal, foreseen.preview
    position = signal.position_side
    side = position.opening_side if signal.action.opens else position.closing_side
    size = plain(preview.quantity) if preview is not None and preview.quantity is not None else ""
    how = "market" if signal.limit_price is None else f"limit {plain(signal.limit_price)}"
    ending = " to close only" if not signal.action.opens else ""
    return " ".join(f"{side} {size} {signal.symbol} at {how}{ending}".split())


def closing_step(test: Rehearsed) -> RehearsedStep:
    """The verdict on an alert that asks for no order."""
    alarm = test.alarm
    if test.is_duplicate:
        return verdict("It would do nothing: duplicate.", ok=False)
    if alarm.status is AlarmStatus.RECEIVED:
        return verdict(
            "It is not decided yet; its alarm tells in a moment what came of it.", ok=False
        )
    is_accepted = alarm.status is AlarmStatus.ACCEPTED
    words = {AlarmStatus.IGNORED: "do nothing", AlarmStatus.ACCEPTED: "be carried out"}
    outcome = words.get(alarm.status, "be refused")
    return verdict(f"It would {outcome}: {alarm.reason}", ok=is_accepted)


def verdict(detail: str, *, ok: bool = True) -> RehearsedStep:
    """The last word on a signal, or on an alert without one."""
    return RehearsedStep(step="verdict", ok=ok, detail=detail)
