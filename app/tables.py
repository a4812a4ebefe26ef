"""Every table of the house, in one import, for migrations and tests."""

from app.accounts import models as accounts
from app.audit import models as audit
from app.backtests.runs import models as backtests
from app.bots import models as bots
from app.db import outbox
from app.db.base import Base
from app.diary import models as diary
from app.http import request_keys
from app.jobs import models as jobs
from app.market import models as market
from app.market.candles import models as candles
from app.market.capture import models as captures
from app.market.trades import models as market_trades
from app.notifications import models as notifications
from app.pipeline import wakeups
from app.pipeline.alarms import models as alarms
from app.pipeline.alarms.gaps import models as gaps
from app.pipeline.orders import models as orders
from app.pipeline.pnl import models as pnl
from app.pipeline.positions import models as positions
from app.pipeline.risk import models as risk
from app.pipeline.signals import models as signals
from app.strategies import models as strategies

__all__ = [
    "Base",
    "accounts",
    "alarms",
    "audit",
    "backtests",
    "bots",
    "candles",
    "captures",
    "diary",
    "gaps",
    "jobs",
    "market",
    "market_trades",
    "notifications",
    "orders",
    "outbox",
    "pnl",
    "positions",
    "request_keys",
    "risk",
    "signals",
    "strategies",
    "wakeups",
]
