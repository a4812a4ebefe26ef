import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { usePerson } from "../../api/login";
import { type Signal, usePending, useStrategies } from "../../api/questions";
import { timeLeft } from "../../format/time";
import { useNow } from "../../live/contact";
import { Answered, Empty, PageHead, Skeleton } from "../../ui/Page";
import { Aside } from "./Aside";
import { Card } from "./Card";
import { GoneCard } from "./GoneCard";
import style from "./Inbox.module.css";
import { useCards } from "./useCards";
import { useKeys } from "./useKeys";

export default function Inbox() {
  const pending = usePending();
  return (
    <>
      <PageHead title="Inbox" aside={<Waiting pending={pending.data ?? []} />} />
      <div className={style.columns}>
        <Answered of={pending} skeleton={<Skeleton rows={2} height={340} />}>
          {(signals) => <Cards pending={signals} />}
        </Answered>
        <Aside />
      </div>
    </>
  );
}

function Waiting({ pending }: { pending: readonly Signal[] }) {
  const now = useNow();
  if (pending.length === 0) return "nothing waits";
  const next = Math.min(...pending.map((one) => Date.parse(one.expires_at)));
  return `${pending.length} waiting · next to expire in ${timeLeft(next - now)}`;
}

function Cards({ pending }: { pending: readonly Signal[] }) {
  const me = usePerson()?.username ?? "";
  const { cards, dismiss } = useCards(pending);
  const [wanted, choose] = useState<string | null>(null);
  const isPending = new Set(pending.map((one) => one.id));
  const waiting = cards.filter((one) => isPending.has(one.id)).map((one) => one.id);
  const chosen = wanted !== null && isPending.has(wanted) ? wanted : (waiting[0] ?? null);
  useKeys(waiting, chosen, choose);
  if (cards.length === 0) return <NothingWaits />;
  return (
    <div className={style.cards}>
      <p className="unseen" aria-live="polite">
        {waiting.length} waiting
      </p>
      {cards.map((signal) =>
        isPending.has(signal.id) ? (
          <Card key={signal.id} signal={signal} isChosen={signal.id === chosen} onChoose={choose} />
        ) : (
          <GoneCard key={signal.id} before={signal} me={me} onDismiss={dismiss} />
        ),
      )}
    </div>
  );
}

function NothingWaits() {
  const strategies = useStrategies().data;
  if (strategies?.length === 0) {
    return (
      <Empty title="Your first alert will appear here">
        Make a strategy, paste its address into TradingView, and each alert becomes a card with its risk in
        money. <Link to="/strategies">Create a strategy</Link>
      </Empty>
    );
  }
  return (
    <Empty title="Nothing waits for you">
      An alert becomes a card here within a second, with its loss at the stop and every risk rule's verdict.{" "}
      <Link to="/strategies">Copy a strategy's alert text</Link>
    </Empty>
  );
}
