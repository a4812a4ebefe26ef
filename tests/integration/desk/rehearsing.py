"""A test alarm, asked for by HTTP, and its report."""

from typing import Any

from tests.integration.desk.front import Front

BUY = '{"symbol":"BTCUSDT.P","action":"buy","quantity":"0.1","stop_loss":"58000"}'
CLOSE = '{"symbol":"BTCUSDT.P","action":"close"}'
SELL = '{"symbol":"BTCUSDT.P","action":"sell","quantity":"0.1"}'
CANCEL = '{"symbol":"BTCUSDT.P","action":"cancel"}'


async def rehearse(front: Front, body: str | None = None, **options: Any) -> dict[str, Any]:
    path = f"/strategies/{front.desk.strategy.id}/test-alarm"
    report: dict[str, Any] = await front.post(path, body and {"body": body}, **options)
    return report


def told(report: dict[str, Any]) -> dict[str, str]:
    return {step["step"]: step["detail"] for step in report["steps"]}


def broken(report: dict[str, Any]) -> list[str]:
    return [step["step"] for step in report["steps"] if not step["ok"]]
