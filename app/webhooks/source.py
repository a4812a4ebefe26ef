"""Whether alerts may come from an address."""

from collections.abc import Sequence

from app.http.sender import is_listed, parse


def may_send(sender: str | None, allowed: Sequence[str], *, is_local: bool) -> bool:
    """Whether alerts are taken from that address; the loopback only on a trader's own machine."""
    address = None if sender is None else parse(sender)
    if address is None:
        return False
    return (is_local and address.is_loopback) or is_listed(sender, allowed)
