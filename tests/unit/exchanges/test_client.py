import asyncio
import subprocess
import sys

import pytest

from app.core.errors import OutcomeUnknown, Retryable
from app.exchanges.client import Credentials, load_ccxt, speaking
from app.exchanges.errors import Call


def test_importing_the_room_does_not_import_ccxt() -> None:
    code = "import sys, app.exchanges.room, app.market.prices; sys.exit('ccxt' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 our own words


async def test_load_ccxt_gives_everybody_the_same_package() -> None:
    first, second = await asyncio.gather(load_ccxt(), load_ccxt())

    assert first is second
    assert first.binance is not None


def test_credentials_do_not_show_their_secret() -> None:
    assert repr(Credentials("key", "S3CRET", "P4SS")) == "Credentials(api_key='key')"


@pytest.mark.parametrize(("call", "error"), [(Call.PLACE, OutcomeUnknown), (Call.READ, Retryable)])
async def test_speaking_when_one_of_ccxts_own_futures_is_cancelled_then_it_is_a_failure(
    call: Call, error: type[Exception]
) -> None:
    future = asyncio.get_running_loop().create_future()
    future.cancel()

    with pytest.raises(error):
        async with speaking(call):
            await future
