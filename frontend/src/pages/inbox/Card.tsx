import { lazy, Suspense, useEffect, useRef, useState } from "react";

import { sentenceIn, sentenceOf } from "../../api/problems";
import { type Preview, type Signal, useStrategies } from "../../api/questions";
import { marketOf } from "../../format/markets";
import { useContact } from "../../live/contact";
import { Button } from "../../ui/Button";
import { Skeleton } from "../../ui/Page";
import { Side } from "../../ui/Side";
import style from "./Card.module.css";
import { isSettled, type Verb } from "./decisions";
import { Figures } from "./Figures";
import { Rules } from "./Rules";
import { SignalChart } from "./SignalChart";
import { TimeBar, TimeLeft } from "./TimeLeft";
import { useDeciding } from "./useDeciding";
import { handles, stoodStillFor } from "./useKeys";
import { usePreview } from "./usePreview";

const RejectDialog = lazy(() => import("./RejectDialog"));
const SENDING: Record<Verb, string> = { approve: "Approving", half: "Approving half", reject: "Rejecting" };

interface Properties {
  signal: Signal;
  isChosen: boolean;
  onChoose: (id: string) => void;
}

export function Card({ signal, isChosen, onChoose }: Properties) {
  const preview = usePreview(signal);
  const deciding = useDeciding(signal.id);
  const [isRejecting, setIsRejecting] = useState(false);
  const isFresh = useContact() === "live";
  const isApprovable = isFresh && !signal.is_test && canBeSent(preview.data) && !deciding.sending;
  const card = useRef<HTMLElement>(null);
  const foot = useRef<HTMLElement>(null);

  const act = (verb: Verb): void => {
    if (verb === "reject") setIsRejecting(true);
    else void deciding.decide(verb);
  };
  // A card above that is gone has moved this one under the finger.
  const press = (verb: Verb): void => {
    if (isSettled(stoodStillFor())) act(verb);
  };

  useEffect(() => {
    handles.set(signal.id, { isApprovable, head: card.current, foot: foot.current, act });
    return () => {
      handles.delete(signal.id);
    };
  });

  return (
    <article
      ref={card}
      className={style.card}
      data-chosen={isChosen}
      data-fresh={isFresh}
      aria-label={`${signal.position_side} ${marketOf(signal.symbol).name}`}
      onPointerDown={() => {
        onChoose(signal.id);
      }}
      onFocus={() => {
        onChoose(signal.id);
      }}
    >
      <TimeBar signal={signal} />
      <div className={style.body}>
        <Head signal={signal} />
        <p className={style.sentence}>{signal.comment ?? signal.sentence}</p>
        {preview.isError && !preview.data && (
          <p className={style.refusal} role="alert">
            {sentenceOf(preview.error)}
          </p>
        )}
        <Verdict preview={preview.data} />
        {preview.data && hasFigures(preview.data) && (
          <div className={style.facts}>
            <SignalChart signal={signal} preview={preview.data} />
            <Figures signal={signal} preview={preview.data} />
            <Rules rules={preview.data.rules ?? []} />
          </div>
        )}
        {preview.isPending && <Skeleton rows={1} height={156} />}
        {deciding.problem !== null && (
          <p className={style.refusal} role="alert">
            {sentenceOf(deciding.problem)}
          </p>
        )}
      </div>
      <footer className={style.foot} ref={foot}>
        {deciding.sending ? (
          <p className={style.sending} role="status">
            {SENDING[deciding.sending]}…
          </p>
        ) : (
          <>
            <Button
              kind="filled"
              shortcut="a"
              isDisabled={!isApprovable}
              onPress={() => {
                press("approve");
              }}
            >
              Approve
            </Button>
            <Button
              shortcut="h"
              isDisabled={!isApprovable}
              onPress={() => {
                press("half");
              }}
            >
              Half
            </Button>
            <span className={style.gap} />
            <Button
              shortcut="r"
              onPress={() => {
                press("reject");
              }}
            >
              Reject
            </Button>
          </>
        )}
      </footer>
      {isRejecting && (
        <Suspense>
          <RejectDialog
            market={marketOf(signal.symbol).name}
            onClose={() => {
              setIsRejecting(false);
            }}
            onReject={(reason) => {
              setIsRejecting(false);
              void deciding.decide("reject", reason);
            }}
          />
        </Suspense>
      )}
    </article>
  );
}

function Head({ signal }: { signal: Signal }) {
  const market = marketOf(signal.symbol);
  const strategy = useStrategies().data?.find((one) => one.id === signal.strategy_id);
  return (
    <header className={style.head}>
      <Side side={signal.position_side} isTag />
      <h2 className={style.symbol}>{market.name}</h2>
      <span className={style.origin}>
        {[strategy?.name, market.kind === "spot" ? "spot" : "futures"].filter(Boolean).join(" · ")}
        {signal.is_test && " · test"}
      </span>
      <TimeLeft signal={signal} />
    </header>
  );
}

/** Why it cannot be sent, before anything else. */
function Verdict({ preview }: { preview: Preview | undefined }) {
  if (!preview || preview.would_be === "sent") return null;
  const words =
    preview.would_be === "waits"
      ? "Your approval is the first of two: it waits for the second person then."
      : `Not allowed: ${sentenceIn(preview.reason)}`;
  return <p className={preview.would_be === "waits" ? style.note : style.refusal}>{words}</p>;
}

/** Whether it could be sized at all; what cannot has a reason and nothing else. */
function hasFigures(preview: Preview): boolean {
  return preview.quantity != null;
}

function canBeSent(preview: Preview | undefined): boolean {
  return preview !== undefined && preview.would_be !== "denied";
}
