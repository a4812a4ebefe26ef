"""Having leverage and margin mode as asked: set, then read back."""

from typing import Any

from app.core.errors import Denied
from app.exchanges.client import speaking
from app.exchanges.errors import Call
from app.exchanges.quirks import MarginScope, MarginState, Params, Quirks
from app.trading.words import MarginMode


class Margin:
    """The margin settings of one contract account.

    Args:
        client: the account's, with its markets.
        secrets: words that no error may repeat.
    """

    def __init__(self, client: Any, quirks: Quirks, secrets: tuple[str, ...]) -> None:
        self._client = client
        self._quirks = quirks
        self._secrets = secrets

    async def have(self, symbol: str, *, leverage: int, margin_mode: MarginMode) -> None:
        """Change what differs, and see that it has changed.

        Raises:
            Denied: the venue keeps another setting, or one that we never change.
            OrderRefused: the venue refuses to change it now; the detail has its words.
        """
        state = await self._read(symbol, margin_mode)
        if _is_as_asked(state, leverage, margin_mode):
            return
        if state.margin_mode is not margin_mode:
            await self._set_mode(symbol, margin_mode)
        if state.leverage != leverage:
            params = self._leverage_params(margin_mode)
            async with speaking(Call.SETTING, self._secrets):
                await self._client.set_leverage(leverage, symbol, params)
        state = await self._read(symbol, margin_mode)
        if not _is_as_asked(state, leverage, margin_mode):
            raise Denied(
                f"{symbol} should be {margin_mode.value} at {leverage}x, the venue has it"
                f" {state.margin_mode or '?'} at {state.leverage or '?'}x",
                code="margin_not_set",
            )

    async def _set_mode(self, symbol: str, margin_mode: MarginMode) -> None:
        if self._quirks.margin_scope is MarginScope.ACCOUNT:
            raise Denied(
                f"the account's margin mode is not {margin_mode.value}, and it is shared by all"
                " its symbols: change it at the venue",
                code="margin_mode_of_account",
            )
        async with speaking(Call.SETTING, self._secrets):
            try:
                await self._client.set_margin_mode(margin_mode.value, symbol)
            except Exception as error:
                if type(error).__name__ != "MarginModeAlreadySet":
                    raise

    def _leverage_params(self, margin_mode: MarginMode) -> Params:
        if self._quirks.margin_scope is MarginScope.ORDER:
            return {"marginMode": margin_mode.value}
        return {}

    async def _read(self, symbol: str, wanted: MarginMode) -> MarginState:
        async with speaking(Call.READ, self._secrets):
            return await self._quirks.margin(self._client, symbol, wanted)


def _is_as_asked(state: MarginState, leverage: int, margin_mode: MarginMode) -> bool:
    return state.leverage == leverage and state.margin_mode is margin_mode
