"""What an algorithm is: a class that is fed closed candles and answers with intents."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, ConfigDict, ValidationError

from app.algorithms.bars import Bar
from app.algorithms.intents import Account, Intent
from app.core.errors import Invalid
from app.trading.words import PositionSide

# After so many periods an average has forgotten how it began, to 1e-9: an EMA keeps
# (1 - 2 / (n + 1))^m of it after m candles, an RMA (1 - 1 / n)^m.
EMA_FORGETS: Final = 11
RMA_FORGETS: Final = 21


class Parameters(BaseModel):
    """Settings of an algorithm, each with its range and default; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Algorithm(Protocol):
    """Decides at the close of each candle of its base timeframe, from nothing but what it was fed.

    It is fed by `Feed`: every candle once, after it has closed, in closing order. It keeps no
    record of what it asked for: what is held it is told each time, because a signal may be
    rejected, expire or be filled in part.
    """

    def on_close(self, bar: Bar, account: Account) -> Sequence[Intent]:
        """What to do now that this candle has closed; an exit comes before an entry."""
        ...

    @property
    def lines(self) -> Mapping[str, float | None]:
        """Values to draw beside the last base candle, by name; None where there is none yet."""
        ...

    @property
    def outlook(self) -> PositionSide | None:
        """The side that the last base candle speaks for: whoever is flat may enter there."""
        ...


@runtime_checkable
class Farsighted(Algorithm, Protocol):
    """An algorithm that looks at larger timeframes as well."""

    def on_larger(self, bar: Bar) -> None:
        """A candle of a larger timeframe has closed; base candles that close with it come after."""
        ...


ParametersT = TypeVar("ParametersT", bound=Parameters)


@dataclass(frozen=True, slots=True)
class Source:
    """The file that an algorithm was read from.

    Attributes:
        digest: SHA-256 of what it held then, in hexadecimal.
    """

    path: Path
    digest: str


@dataclass(frozen=True, slots=True)
class Definition(Generic[ParametersT]):
    """An algorithm by its name.

    Attributes:
        version: raised whenever the same candles and parameters give other intents.
        summary: a sentence for a trader.
        parameters: their model.
        build: makes one; it decides on candles of any one timeframe, the base.
        warm_up: how many closed candles of each timeframe to feed it before its intents count:
            from then on it answers, to 1e-9, as if it had seen all of history.
        larger: timeframes it is fed beside the base, which may be one of them; only for the
            `Farsighted`.
        source: where one of the operator's own comes from; None of those of the program.
    """

    name: str
    version: int
    summary: str
    parameters: type[ParametersT]
    build: Callable[[ParametersT], Algorithm]
    warm_up: Callable[[ParametersT], int]
    larger: tuple[timedelta, ...] = ()
    source: Source | None = None

    def validated(self, settings: Mapping[str, Any]) -> ParametersT:
        """The parameters, defaults filled in.

        Raises:
            Invalid: `bad_parameters`, with each fault and its field.
        """
        try:
            return self.parameters.model_validate(dict(settings))
        except ValidationError as error:
            faults = [
                ": ".join(filter(None, (".".join(map(str, fault["loc"])), fault["msg"])))
                for fault in error.errors(include_url=False)
            ]
            raise Invalid(f"{self.name}: {'; '.join(faults)}", code="bad_parameters") from error
