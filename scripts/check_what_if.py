"""Trade 200 alarms on the paper exchange along real candles, then ask what-if: `check_what_if.py
[FOLDER] [ALARMS]`.

The folder holds Feather files as freqtrade writes them. A whole server runs on a clock that is put
where the candles are: prices are set from open to close, alarms are delivered to two strategies,
some are approved, some rejected, some left alone. Then the candles are kept, and what-if is asked
about all of it. Ends with 1 unless its baseline equals the books and the exchange's own ledger to
the digit, it answers within 2 s, and twice the same.
"""

import asyncio
import importlib
import json
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx
import uvicorn
from pydantic import SecretStr
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from app.commands.telling import be_quiet
from app.core.clock import iso
from app.core.decimals import plain
from app.house import PAPER_PATH, House
from app.http.serving import http_config
from app.main import create_app
from app.market.candles import service as candles
from app.market.candles.series import Series
from app.market.prices import PriceKey
from app.pipeline.alarms.models import Alarm
from app.pipeline.alarms.status import AlarmStatus
from app.pipeline.pnl.models import Booking, DailyPnl, Trade
from app.pipeline.signals.models import Signal
from app.pipeline.signals.status import SignalStatus
from app.settings import Settings
from app.trading.candle import Candle
from app.trading.timeframe import Timeframe
from app.trading.words import MarketType

DEFAULT_FOLDER = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "freqtrade"
FILE: Final = "XRP_USDT_USDT-5m-futures.feather"
SERIES: Final = Series.of(PriceKey("paper", MarketType.LINEAR, "XRP/USDT:USDT"), Timeframe.M5)
TICK: Final = Decimal("0.0001")
ALARMS: Final = 200
FEW: Final = 20
ROUNDING: Final = Decimal("1e-12")
MORE: Final = 2
CANDLES_PER_ALARM: Final = 4
WITHIN_SECONDS: Final = 2.0
PATIENCE_SECONDS: Final = 120.0
USER, PASSWORD = "trader", "correct-horse-battery"
AUTO: Final = {
    "name": "goes by itself",
    "approval": "auto",
    "default_stop_loss": {"kind": "percent", "value": "1"},
    "default_take_profit": {"kind": "percent", "value": "2"},
}
ASKS: Final = {"name": "asks", "default_stop_loss": {"kind": "percent", "value": "1.5"}}
LIMITS: Final = {"max_notional_per_symbol": "1100", "max_notional_total": "5000"}
SCENARIOS: Final[list[dict[str, Any]]] = [
    {"name": "approve all", "approve_all": True},
    {"name": "stop at 1 %", "stop_loss": {"kind": "percent", "value": "1"}},
    {"name": "half the size", "sizing": {"mode": "notional", "value": "250"}},
]


def candles_of(folder: Path, feather: Any, alarms: int) -> list[Candle]:
    """The file's candles, oldest first, as many as so many alarms take."""
    rows = feather.read_table(folder / FILE).to_pylist()[: alarms * CANDLES_PER_ALARM + 1]
    return [candle_of(row) for row in rows]


def candle_of(row: dict[str, Any]) -> Candle:
    """The candle of a row, on the tick: the file says 1.2147 as 1.2147000000000001."""
    names = ("open", "high", "low", "close", "volume")
    first, high, low, last, volume = (Decimal(repr(row[name])).quantize(TICK) for name in names)
    return Candle(Timeframe.M5, row["date"].astimezone(UTC), first, high, low, last, volume)


@dataclass(slots=True)
class Run:
    """A server, and what is done to it.

    Attributes:
        clock: of time_machine: where the whole process believes to be.
        dice: the same for every run.
        hooks: path of each strategy's webhook.
    """

    house: House
    client: httpx.AsyncClient
    clock: Any
    dice: Random = field(default_factory=lambda: Random(7))  # noqa: S311 a trader, not a secret
    hooks: list[str] = field(default_factory=list)

    async def post(self, path: str, body: Any, *, method: str = "POST") -> Any:
        """As the trader, who logs in again when the login has run out."""
        answer = await self.client.request(method, path, json=body)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            login = {"username": USER, "password": PASSWORD}
            token = (await self.client.post("/auth/token", json=login)).json()["access_token"]
            self.client.headers["Authorization"] = f"Bearer {token}"
            answer = await self.client.request(method, path, json=body)
        if not answer.is_success and answer.status_code != httpx.codes.CONFLICT:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    async def prepare(self) -> None:
        """Two strategies on the linear paper account, and limits."""
        await self.post("/auth/me", None, method="GET")
        accounts = await self.post("/accounts", None, method="GET")
        [account] = [one for one in accounts["items"] if one["market_type"] == "linear"]
        for settings in (AUTO, ASKS):
            made = await self.post("/strategies", {**settings, "account_id": account["id"]})
            self.hooks.append("/webhooks/" + made["webhook_url"].partition("/webhooks/")[2])
        await self.post("/risk", LIMITS, method="PUT")

    async def walk(self, candle: Candle) -> None:
        """The prices of a candle in the order that the paper exchange plays them."""
        is_up = candle.close >= candle.open
        middle = (candle.low, candle.high) if is_up else (candle.high, candle.low)
        path = (candle.open, *middle, candle.close)
        for price, seconds in zip(path, (2, 75, 150, 297), strict=True):
            self.go_to(candle.open_time + timedelta(seconds=seconds))
            await self.price(price)

    def go_to(self, moment: datetime) -> None:
        """Put the clock there; never back, for it runs while the server works."""
        if moment > datetime.now(UTC):  # noqa: TID251 time_machine's, on purpose
            self.clock.move_to(moment)

    async def price(self, price: Decimal) -> None:
        """Hold a price, and let the server follow."""
        body = {"symbol": "XRPUSDT", "price": plain(price)}
        await self.post(f"{PAPER_PATH}/control/price", body)
        await asyncio.sleep(0.01)
        await self.rest()

    async def rest(self) -> None:
        """Wait until nothing is under way any more."""
        worker = self.house.worker
        if worker is not None:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await worker.idle()

    async def alarm(self, number: int, candle: Candle) -> None:
        """One alert at the open of a candle, and what the trader makes of it."""
        self.go_to(candle.open_time + timedelta(seconds=1))
        await self.price(candle.open)
        await asyncio.sleep(0.1)
        which = number % 2
        receipt = (await self.client.post(self.hooks[which], content=self._alert(number))).json()
        await self.settle()
        choice = self.dice.random()
        if which == 1 and receipt.get("signal_id") and choice < 0.75:
            verb = "approve" if choice < 0.45 else "reject"
            await self.post(f"/signals/{receipt['signal_id']}/{verb}", {})
            await self.settle()

    def _alert(self, number: int) -> str:
        action = self.dice.choice(("long", "short", "buy", "sell", "close", "close"))
        late = timedelta(minutes=10 if self.dice.random() < 0.05 else 0)
        alert = {
            "symbol": "XRPUSDT.P",
            "action": action,
            "id": f"a{number}",
            "time": iso(datetime.now(UTC) - late),  # noqa: TID251 time_machine's, on purpose
        }
        if action != "close":
            alert["notional"] = "500"
        return json.dumps(alert)

    async def settle(self) -> None:
        """Wait until every approved signal has become something."""
        under_way = [SignalStatus.APPROVED, SignalStatus.EXECUTING]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            await asyncio.sleep(0.02)
            await self.rest()
            async with self.house.database.read() as session:
                query = select(Signal.id).where(Signal.status.in_(under_way)).limit(1)
                waiting = await session.scalar(query)
                unread = await session.scalar(
                    select(Alarm.id).where(Alarm.status == AlarmStatus.RECEIVED).limit(1)
                )
            if waiting is None and unread is None:
                return
        raise SystemExit("a signal did not come to an end")

    async def end(self) -> None:
        """Close what is open, so that the wallet tells the same as the books."""
        for hook, name in zip(self.hooks, ("z0", "z1"), strict=True):
            alert = {"symbol": "XRPUSDT.P", "action": "close", "id": name}
            await self.client.post(hook, content=json.dumps(alert))
            await self.settle()

    async def keep(self, some: Sequence[Candle]) -> None:
        """Store the candles that were walked along."""

        async def parts() -> AsyncIterator[Sequence[Candle]]:
            yield some

        now = some[-1].close_time
        async for _ in candles.keep_in_parts(self.house.database, SERIES, parts(), now=now):
            pass


async def booked(house: House) -> tuple[Decimal, Decimal, Decimal, int]:
    """What bookings, days and trades say, and how many trades there are."""
    async with house.database.read() as session:
        bookings = [one.net_pnl for one in await session.scalars(select(Booking))]
        days = [one.realized_pnl for one in await session.scalars(select(DailyPnl))]
        trades = [one.realized_pnl for one in await session.scalars(select(Trade))]
    return sum(bookings, Decimal(0)), sum(days, Decimal(0)), sum(trades, Decimal(0)), len(trades)


async def at_the_exchange(run: Run) -> tuple[Decimal, Decimal]:
    """What trading has brought by the exchange's ledger: by its fills, and in the wallet.

    All is flat at the end, so that what was got less what was paid is exact; the wallet goes by an
    average entry price, which the exchange rounds where a position had several entries.
    """
    ledger = (await run.post(f"{PAPER_PATH}/control/ledger", None, method="GET"))["items"]
    fills = wallet = Decimal(0)
    for one in ledger:
        if one["kind"] == "fill":
            sign = 1 if one["side"] == "sell" else -1
            paid = Decimal(one["price"]) * Decimal(one["quantity"])
            fills += sign * paid - Decimal(one["fee"])
        elif one["kind"] == "balance" and one["reason"] in {"realized_pnl", "fee", "funding"}:
            wallet += Decimal(one["change"])
    return fills, wallet


@asynccontextmanager
async def serving(folder: Path, clock: Any) -> AsyncIterator[Run]:
    """A whole server on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        settings = Settings(
            _env_file=None,
            host="127.0.0.1",
            port=port,
            data_dir=folder / "data",
            log_dir=folder / "logs",
            admin_username=USER,
            admin_password=SecretStr(PASSWORD),
            paper_control=True,
            access_token_seconds=86_400,
        )
        house = await House.build(settings, is_rate_limited=False)
        server = uvicorn.Server(http_config(create_app(house)))
        task = asyncio.create_task(server.serve([listener]))
        base = f"http://127.0.0.1:{port}"
        try:
            # The server ends what was idle for five seconds, whatever is on its way just then.
            limits = httpx.Limits(keepalive_expiry=1)
            async with httpx.AsyncClient(base_url=base, timeout=60, limits=limits) as client:
                while not house.is_ready:  # noqa: ASYNC110 seconds, once
                    await asyncio.sleep(0.1)
                yield Run(house, client, clock)
        finally:
            server.should_exit = True
            await task


async def played(run: Run, some: Sequence[Candle]) -> None:
    """The whole run."""
    await run.price(some[0].open)
    await run.prepare()
    await run.post(f"{PAPER_PATH}/control/limits", {"enforce": False})
    for number in range(len(some) // CANDLES_PER_ALARM):
        begin = number * CANDLES_PER_ALARM
        await run.alarm(number, some[begin])
        for candle in some[begin : begin + CANDLES_PER_ALARM]:
            await run.walk(candle)
        if (number + 1) % FEW == 0:
            print(f"{number + 1} alarms, {candle.close_time:%Y-%m-%d %H:%M}", flush=True)
    await run.end()


async def compared(run: Run, alarms: int) -> bool:
    """Ask twice, and hold the answer against the books; whether all was right."""
    answers, seconds, worked = [], [], []
    for _ in range(2):
        began, before = time.perf_counter(), time.process_time()
        answers.append(await run.post("/backtests/what-if", {"scenarios": SCENARIOS}))
        seconds.append(time.perf_counter() - began)
        worked.append(time.process_time() - before)
    first = {**answers[0], "to": ""}
    second = {**answers[1], "to": ""}
    bookings, days, trades, count = await booked(run.house)
    fills, wallet = await at_the_exchange(run)
    baseline = first["baseline"]
    net = Decimal(baseline["net"])
    checks = {
        f"baseline {plain(net)} of {baseline['trades']} trades equals the bookings": net
        == bookings,
        f"… and the sum of days {plain(days)}": net == days,
        f"… and the {count} trades {plain(trades)}": net == trades and count == baseline["trades"],
        f"… and the fills of the exchange's ledger {plain(fills)}": net == fills,
        f"… and its wallet {plain(wallet)}, but for rounding": abs(net - wallet) < ROUNDING,
        # What was not work was waiting for a machine that had other things to do.
        f"answered in {max(seconds):.2f} s, {max(worked):.2f} s of them at work": max(seconds)
        < WITHIN_SECONDS,
        "twice the same answer": first == second,
        f"{first['alarms']} alarms": first["alarms"] >= alarms,
    }
    for words, is_right in checks.items():
        print(f"{'ok   ' if is_right else 'WRONG'} {words}")
    tell(first)
    return all(checks.values())


def tell(answer: dict[str, Any]) -> None:
    """What a trader reads."""
    currency = answer["currency"]
    fates = Counter(f"{one['fate']} {one['code']}" for one in answer["by_alarm"])
    print(f"\n{answer['from']}\n{dict(fates)}\ncandles {answer['candles']}")
    print(
        f"simulated baseline {answer['simulated_baseline']['total']} {currency}, "
        f"error {answer['simulation_error']}"
    )
    for one in answer["scenarios"]:
        figures = one["figures"]
        print(
            f"{one['name']:<16} {figures['total']:>18} {currency}  difference "
            f"{one['difference']:>18}  {figures['trades']} trades, {one['from_books']} from books"
        )
    for one in answer["decisions"]:
        print(f"{one['words']}  (alone {one['alone']}, together {one['together']})")
    for note in answer["notes"]:
        print(f"note: {note}")


async def checked(some: Sequence[Candle], clock: Any) -> bool:
    """Run, keep, ask."""
    with TemporaryDirectory(prefix="signalbox-what-if-") as place:
        async with serving(Path(place), clock) as run:
            await played(run, some)
            run.go_to(some[-1].close_time + timedelta(minutes=1))
            await run.keep(some)
            return await compared(run, len(some) // CANDLES_PER_ALARM)


def main() -> int:
    """Check a folder with a server of its own."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FOLDER
    if not (folder / FILE).exists():
        print(f"no corpus at {folder}: nothing to check")
        return 0
    try:
        feather = importlib.import_module("pyarrow.feather")
        time_machine = importlib.import_module("time_machine")
    except ImportError as missing:
        print(f"this needs {missing.name}: run `make install` and `make install-parquet`")
        return 1
    be_quiet()
    some = candles_of(folder, feather, int(sys.argv[2]) if len(sys.argv) > MORE else ALARMS)
    began = time.monotonic()
    with time_machine.travel(some[0].open_time, tick=True) as clock:
        is_right = asyncio.run(checked(some, clock))
    print(f"\n{time.monotonic() - began:.0f} s")
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
