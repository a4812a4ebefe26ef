"""One request through the venue: allowed, answered, and in the ledger before the answer leaves."""

from collections.abc import Mapping
from decimal import localcontext

from app.core.clock import iso
from app.core.decimals import EXACT
from app.paper_exchange.conditional import algo_orders, order_lists
from app.paper_exchange.engine.refusals import Refusal, unknown_path
from app.paper_exchange.protocol import linear, spot
from app.paper_exchange.protocol.call import Answer, Call, refused
from app.paper_exchange.protocol.routes import Access, Route, Routes
from app.paper_exchange.protocol.signatures import check_signature, identify
from app.paper_exchange.server.addresses import Address
from app.paper_exchange.venue import Venue


class Dispatcher:
    """Answers Binance's REST requests.

    Args:
        more: routes that keep something of their own.
        records_public: whether market-data requests go into the ledger too. Nobody can read the
            ledger without the control API, and a client polls prices all day.
    """

    def __init__(self, venue: Venue, *, records_public: bool, more: Routes) -> None:
        self._venue = venue
        self._records_public = records_public
        self._routes = (
            spot.routes() | linear.routes() | algo_orders.routes() | order_lists.routes() | more
        )

    def answer(self, call: Call, address: Address) -> Answer:
        """Do what was asked; what changed is committed with the request itself."""
        route = self._routes.get((call.method, call.path)) if address.is_served else None
        received_at = iso(self._venue.clock.now())
        with localcontext(EXACT):
            try:
                answer = Answer(200, self._handle(route, call))
            except Refusal as refusal:
                answer = refused(refusal)
            except BaseException:
                self._venue.discard()
                raise
            if route is None or route.access is not Access.NONE or self._records_public:
                self._venue.commit(_entry(call, answer, received_at))
        return answer

    def record(self, call: Call, answer: Answer | None) -> None:
        """Keep a request that a fault kept from being carried out; None when nobody answers."""
        call.account = self._venue.account(call.headers.get("x-mbx-apikey", ""))
        answer = answer or Answer(0, "")
        self._venue.commit(_entry(call, answer, iso(self._venue.clock.now())))

    def _handle(self, route: Route | None, call: Call) -> object:
        if route is None:
            raise unknown_path(call.method, call.path)
        if route.access is not Access.NONE:
            call.account = identify(self._venue, call)
        if route.access is Access.SIGNED:
            check_signature(call.customer, call)
        if call.view is not None:
            call.account = call.view(call.customer)
        return route.handler(self._venue, call)


def _entry(call: Call, answer: Answer, received_at: str) -> dict[str, object]:
    entry: dict[str, object] = {
        "method": call.method,
        "path": call.path,
        "params": _redacted(call.params),
        "client_order_id": _client_id(call.params),
        "account_id": None if call.account is None else call.account.id,
        "arrival": call.arrival,
        "arrived_monotonic_ns": call.arrived_ns,
        "received_at": received_at,
        "status": answer.status,
        "code": answer.code,
        "answered_id": _answered_id(answer),
    }
    return entry


_CLIENT_IDS = ("newClientOrderId", "origClientOrderId", "clientAlgoId", "listClientOrderId")


def _answered_id(answer: Answer) -> object:
    """The number of the order, conditional order or list that was answered about."""
    if answer.status != 200 or not isinstance(answer.body, dict):
        return None
    names = ("orderId", "algoId", "orderListId")
    return next((answer.body[name] for name in names if name in answer.body), None)


def _client_id(params: Mapping[str, str]) -> str | None:
    return next((params[name] for name in _CLIENT_IDS if params.get(name)), None)


def _redacted(params: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in params.items() if name != "signature"}
