"""Run the house as a process: bind, serve, say what to do next, stop cleanly."""

import asyncio
import signal
import socket
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

import uvicorn
import uvloop

from app.core.clock import SystemClock
from app.core.collecting import spare_the_collector
from app.core.errors import Invalid
from app.core.log import configure_logging
from app.core.startup import forbid_core_dumps, load_settings
from app.house import House, make_folder, own_url
from app.http.serving import http_config
from app.main import create_app
from app.paper_exchange.app import create_paper_exchange
from app.screen.files import is_built
from app.settings import Settings

APPLICATION = "signalbox"


def serve(settings: Settings, *, with_worker: bool, is_rate_limited: bool = True) -> None:
    """Answer HTTP, with or without the worker, until told to stop.

    Args:
        settings: of this installation.
        with_worker: False for the API alone.
        is_rate_limited: False only in a benchmark.

    Raises:
        Invalid: it cannot start; one line says why.
    """
    forbid_core_dumps()
    configure_logging(settings)
    listener = bind(settings.host, settings.port)
    house = House.build(settings, with_worker=with_worker, is_rate_limited=is_rate_limited)
    uvloop.run(_serve(house, listener))


def work(settings: Settings) -> None:
    """Run the worker alone, for a database that other processes share.

    Raises:
        Invalid: it cannot start; one line says why.
    """
    forbid_core_dumps()
    configure_logging(settings)
    if not settings.paper_url:
        raise Invalid(
            "PAPER_URL: a worker of its own needs a paper exchange in another process.",
            code="paper_url_missing",
        )
    uvloop.run(_work(settings))


def serve_paper_exchange(settings: Settings, port: int) -> None:
    """Run the paper exchange alone, with its control API.

    Raises:
        Invalid: it cannot start; one line says why.
    """
    configure_logging(settings)
    make_folder(settings)
    uvloop.run(_serve_paper_exchange(settings, bind(settings.host, port)))


def prepare(settings: Settings) -> None:
    """What is done once before many API processes start: migrate, make the first admin, say so.

    Raises:
        Invalid: it cannot start; one line says why.
    """
    if not settings.paper_url:
        raise Invalid(
            "PAPER_URL: API processes side by side need a paper exchange in another process.",
            code="paper_url_missing",
        )
    uvloop.run(_prepare(settings))


async def _prepare(settings: Settings) -> None:
    house = await House.build(settings, with_worker=False)
    announce(house)
    await house.database.close()


async def api(scope: Any, receive: Any, send: Any) -> None:
    """The API for a server that starts applications itself, as gunicorn: built when it starts."""
    if scope["type"] == "lifespan":
        settings = load_settings()
        forbid_core_dumps()
        configure_logging(settings, process="api")
        try:
            scope["state"][APPLICATION] = create_app(await House.build(settings, with_worker=False))
            spare_the_collector()
        except Invalid as refusal:
            await receive()
            await send({"type": "lifespan.startup.failed", "message": refusal.detail})
            return
    # Every later scope carries what the lifespan left in its state.
    await scope["state"][APPLICATION](scope, receive, send)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        Invalid: the port is taken, or not ours to take.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Without the protocol's number asyncio leaves Nagle's delay on: 40 ms on every small answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Invalid(
            f"PORT: cannot listen on {host}:{port}: {error.strerror}. "
            "Stop what uses it, or set another PORT.",
            code="port_in_use",
        ) from None
    return listener


async def _serve(building: Awaitable[House], listener: socket.socket) -> None:
    house = await building
    announce(house)
    app = create_app(house)
    spare_the_collector()
    await _uvicorn(app, listener)


async def _work(settings: Settings) -> None:
    house = await House.build(settings)
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with house.running():
        await stop.wait()


async def _serve_paper_exchange(settings: Settings, listener: socket.socket) -> None:
    paper = create_paper_exchange(
        data_dir=settings.data_dir,
        control=True,
        seed=settings.paper_seed,
        candles=settings.paper_data,
        clock=SystemClock(),
    )
    await paper.start()
    host, port = listener.getsockname()[:2]
    say(f"Paper exchange on http://{host}:{port} (prices are simulated; control API is on)")
    try:
        await _uvicorn(paper.asgi, listener)
    finally:
        await paper.stop()


async def _uvicorn(app: object, listener: socket.socket) -> None:
    # uvicorn raises the signal it stopped for once more: it must not end us before we have closed
    # what is open, nor make a clean stop look like a crash.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with suppress(KeyboardInterrupt):
        await uvicorn.Server(http_config(app)).serve(sockets=[listener])


def announce(house: House) -> None:
    """Say where everything is, and on the first start what to do next."""
    base = own_url(house.settings)
    if is_built(house.settings.resolved_screen_dir):
        say(f"Your screen: {base}/app")
    say(f"Signalbox on {base}   API pages: {base}/schema   health: {base}/status-server")
    url = house.first.extra.get("webhook_url")
    if url is not None:
        say("Your demo strategy listens here (shown once; rotate its token for a new one):")
        say(f"  {url}")
        say("Send it a first alert:")
        body = '{"symbol":"BTCUSDT","action":"buy","quantity":"0.01"}'
        say(f"  curl -s {url} -d '{body}'")
    elif house.first.invite is not None:
        say("Nobody is registered yet. Make the first user, who runs this installation:")
        if is_built(house.settings.resolved_screen_dir):
            # Behind the #, which a browser keeps to itself: no log of any server has it.
            say(f"  {base}/app/setup#invite={house.first.invite}")
            say("or without a browser:")
        body = (
            '{"username":"trader","password":"at least 12 characters","invite":"'
            + house.first.invite
            + '"}'
        )
        say(f"  curl -s {base}/auth/register -H 'Content-Type: application/json' -d '{body}'")


def say(line: str) -> None:
    """Print for the person at the terminal; secrets go here and never to a log."""
    print(line, flush=True)  # noqa: T201 this is the program's voice
