"""The one place where faults meet requests: before, instead of, after, and on the way back."""

import asyncio
from dataclasses import dataclass, replace
from decimal import localcontext
from typing import Any

from app.core.decimals import EXACT
from app.paper_exchange.faults import answers, hands
from app.paper_exchange.faults.armory import Armory
from app.paper_exchange.faults.fault import BadFault, Fault
from app.paper_exchange.faults.routes import GROUPS, Facts, facts_of
from app.paper_exchange.faults.standing import LAGS, Standing
from app.paper_exchange.faults.views import VIEWS
from app.paper_exchange.protocol.call import Answer, Call
from app.paper_exchange.server.addresses import Address
from app.paper_exchange.server.dispatch import Dispatcher
from app.paper_exchange.venue import Venue
from app.trading.words import MarketType

_CUT_BEFORE = {"drop_before_accept", "hang_before_accept", "reset_before"}
_CUT_AFTER = {"drop_after_accept", "hang_after_accept", "reset_after", "half_reply"}
_DELAY_AFTER = {"delay_after", "fill_before_ack"}


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back, and the fault that cuts the connection under it."""

    answer: Answer | None
    cut: Fault | None = None


class Gate:
    """Lets requests through to the dispatcher, as far as the armed faults allow."""

    def __init__(self, venue: Venue, dispatcher: Dispatcher, armory: Armory) -> None:
        self._venue = venue
        self._dispatcher = dispatcher
        self.armory = armory
        self.standing = Standing(venue, armory)

    async def answer(self, call: Call, address: Address) -> Reply:
        """One request under faults."""
        facts = self._facts(call)
        delay = self.armory.bite({"delay_before"}, facts)
        if delay is not None:
            await asyncio.sleep(float(delay.seconds))
        with localcontext(EXACT):
            cut = self.armory.bite(_CUT_BEFORE, facts)
            if cut is not None:
                self._dispatcher.record(call, None)
                return Reply(None, cut)
            answer = self._instead(call, facts)
            if answer is None:
                answer = self._carried_out(call, address, facts)
            else:
                self._dispatcher.record(call, answer)
            delay = self.armory.bite(_DELAY_AFTER, facts)
            cut = self.armory.bite(_CUT_AFTER, facts)
            self._venue.commit()
        if delay is not None:
            await asyncio.sleep(float(delay.seconds))
        return Reply(answer, cut)

    def _facts(self, call: Call) -> Facts:
        account = self._venue.account(call.headers.get("x-mbx-apikey", ""))
        number = None if account is None else account.id
        return facts_of(call.method, call.path, call.params, number)

    def _instead(self, call: Call, facts: Facts) -> Answer | None:
        if facts.route != "status":
            for fault in self.armory.bites(answers.REFUSING, facts):
                answer = answers.refusal(fault, call, self._venue)
                if answer is not None:
                    return answer
        return self._by_state(call, facts)

    def _by_state(self, call: Call, facts: Facts) -> Answer | None:
        catalog, market = self._venue.catalog, facts.market
        if market is not None and (market, facts.symbol) in catalog.gone:
            return answers.unlisted()
        if facts.route not in GROUPS["create"]:
            return None
        if market is not None and (market, facts.symbol) in catalog.halted:
            return answers.halted(market)
        is_one_way = call.params.get("positionSide", "BOTH") == "BOTH"
        if market is MarketType.LINEAR and is_one_way and self._stands("hedge_mode", facts):
            return answers.wrong_side()
        return None

    def _carried_out(self, call: Call, address: Address, facts: Facts) -> Answer:
        if call.method == "GET":
            self._turn_back(call, facts)
        answer = self._dispatcher.answer(call, address)
        if answer.status == 200:
            for fault in self.armory.bites(VIEWS, facts):
                answer = replace(answer, body=VIEWS[fault.verb](fault, answer.body))
            answer = replace(answer, body=self._overridden(answer.body, facts))
        for fault in self.armory.bites(hands.HANDS, facts):
            try:
                done = hands.carry_out(self._venue, fault)
            except BadFault as refusal:
                done = [str(refusal)]
            self._venue.journal.event("fault_did", fault_id=fault.id, done=done)
        spoiler = self.armory.bite(answers.SPOILING, facts)
        return answer if spoiler is None else answers.spoiled(spoiler, answer, self._venue)

    def _turn_back(self, call: Call, facts: Facts) -> None:
        """Let a look-up see the past."""
        lag = self.armory.bite(LAGS, facts)
        if lag is None:
            return
        then = self._venue.now() - int(lag.seconds * 1000)
        call.not_after = then
        if lag.verb == "lag":
            call.view = lambda account: self.standing.past.view(account, then)

    def _overridden(self, body: Any, facts: Facts) -> Any:
        if not isinstance(body, dict):
            return body
        if facts.route in {"position_mode", "account_config"} and self._stands("hedge_mode", facts):
            return body | {"dualSidePosition": True}
        if facts.route == "status" and self._stands("maintenance", facts):
            return {"status": 1, "msg": "system_maintenance"}
        if facts.route in {"key", "balances"} and self._stands("no_trade_permission", facts):
            denied = {"canTrade", "enableSpotAndMarginTrading", "enableFutures"}
            return {name: False if name in denied else value for name, value in body.items()}
        return body

    def _stands(self, verb: str, facts: Facts) -> bool:
        return any(
            fault.account_id in {None, facts.account_id} for fault in self.armory.standing({verb})
        )
