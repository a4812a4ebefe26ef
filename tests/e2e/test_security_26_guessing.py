"""A thousand guesses from everywhere at two processes, and the owner who gets in all the same."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.conftest import POSTGRESQL
from tests.e2e.processes import Program, is_answering
from tests.e2e.site import PASSWORD, USERNAME, until
from tests.programs.starting import START_SECONDS, Launcher, free_port

GUESSES = 1_000
AT_ONCE = 40
DICE = random.Random("guesses")


@pytest.fixture
async def bases(
    database_url: str, tmp_path: Path, warm: Launcher
) -> AsyncIterator[tuple[str, str]]:
    """Two API processes over one database, behind a proxy that is this test."""
    ports = (free_port(), free_port())
    settings = {
        "DATABASE_URL": database_url,
        "DATA_DIR": str(tmp_path / "data"),
        "PAPER_URL": f"http://127.0.0.1:{free_port()}",  # nobody trades here
        "ADMIN_USERNAME": USERNAME,
        "ADMIN_PASSWORD": PASSWORD,
        "TRUSTED_PROXIES": "127.0.0.1",
        "LOG_LEVEL": "WARNING",
    }
    async with AsyncExitStack() as stack:
        for port in ports:
            changes = {"PORT": str(port), "LOG_DIR": f"logs-{port}"}
            program = await Program(tmp_path, warm, ("api",), {**settings, **changes}).start()
            stack.push_async_callback(program.stop)
            await until(partial(is_answering, port), seconds=START_SECONDS)
        yield f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}"


async def guess(client: httpx.AsyncClient, base: str, password: str, source: str) -> httpx.Response:
    return await client.post(
        f"{base}/auth/token",
        json={"username": USERNAME, "password": password},
        headers={"X-Forwarded-For": source},
    )


@pytest.mark.parametrize("database_url", [POSTGRESQL], indirect=True)
async def test_security_26_a_thousand_guesses_are_throttled_and_the_owner_gets_in(
    bases: tuple[str, str], record_property: Callable[[str, object], None]
) -> None:
    record_property("guesses", GUESSES)
    sources = [f"{DICE.randint(1, 99)}.{DICE.randint(0, 255)}.7.7" for _ in range(GUESSES)]
    turns = asyncio.Semaphore(AT_ONCE)
    # The server hangs up on a connection that has idled for five seconds.
    limits = httpx.Limits(max_connections=AT_ONCE, keepalive_expiry=1)
    async with httpx.AsyncClient(timeout=60, limits=limits) as client:

        async def one(number: int) -> int:
            async with turns:
                answer = await guess(client, bases[number % 2], f"guess {number}", sources[number])
                return answer.status_code

        statuses = Counter(await asyncio.gather(*map(one, range(GUESSES))))
        owner = await guess(client, bases[0], PASSWORD, "203.0.113.7")
        await asyncio.sleep(int(owner.headers.get("Retry-After", 0)))
        after_the_pause = await guess(client, bases[1], PASSWORD, "203.0.113.7")

    assert set(statuses) == {401, 429}
    assert statuses[401] <= 20
    assert owner.status_code == 429
    assert after_the_pause.status_code == 200
