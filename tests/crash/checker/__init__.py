"""The checker: pure functions over what three witnesses say. It shares no code with the product.

Each module holds some of the invariants; each invariant is one function named after it.
"""

from collections.abc import Callable, Iterable
from typing import Final

from tests.crash.checker import alarms, decisions, limits, money, orders, positions, protection
from tests.crash.checker.evidence import Evidence, Violation

Invariant = Callable[[Evidence], Iterable[Violation]]

INVARIANTS: Final[dict[str, Invariant]] = {
    "I1": alarms.acked_alarms_exist,
    "I3": alarms.one_signal_per_alert,
    "I4": decisions.moves_are_allowed,
    "I5": alarms.no_limbo,
    "I6": decisions.decided_once,
    "I7": decisions.openings_are_timely,
    "I9": orders.intent_first,
    "I10": orders.ids_are_used_once,
    "I11": orders.one_order_per_intent,
    "I12": orders.no_premature_end,
    "I13": orders.unknown_is_bounded,
    "I14": positions.fills_agree,
    "I15": positions.quantities_agree,
    "I16": protection.stops_cover,
    "I17": positions.exits_only_reduce,
    "I18": positions.flat_leaves_nothing,
    "I19": positions.one_closer,
    "I20": protection.triggers_act,
    "I22": limits.limits_hold,
    "I23": limits.nothing_stays_reserved,
    "I24": money.results_agree,
    "I25": money.days_agree,
    "I26": money.wallets_agree,
    # A rule of trading, which the list of invariants does not number.
    "T32": orders.scheduled_exits_keep_their_limit,
}


def check(evidence: Evidence) -> list[Violation]:
    """Everything that does not hold; an invariant that cannot be checked says so as well."""
    found: list[Violation] = []
    for name, holds in INVARIANTS.items():
        try:
            found += holds(evidence)
        except Exception as broken:  # noqa: BLE001 rows nobody foresaw are a finding too
            found.append(Violation(name, "checker", f"could not be checked: {broken!r}"))
    return found


__all__ = ["INVARIANTS", "Evidence", "Violation", "check"]
