import { lazy, Suspense, useState } from "react";

import { api, ask } from "../../api/client";
import { type Strategy, STRATEGIES, useAccounts, useStrategies } from "../../api/questions";
import { refresh } from "../../live/live";
import { Button } from "../../ui/Button";
import { Answered, Empty, PageHead, Panel, Problem } from "../../ui/Page";
import { AlertText } from "./AlertText";
import style from "./Strategies.module.css";
import { NewStrategy } from "./NewStrategy";
import { Rehearsal } from "./Rehearsal";
import { WebhookAddress } from "./WebhookAddress";
import { sizingWords } from "./sizing";

const RotateDialog = lazy(() => import("./RotateDialog"));

export default function Strategies() {
  const strategies = useStrategies();
  const [isNew, setIsNew] = useState(false);
  // Shown once: it is held here and nowhere else, and is gone with the page.
  const [address, setAddress] = useState<{ id: string; url: string } | null>(null);
  const [shown, show] = useState<string | null>(null);

  const made = (id: string, url: string): void => {
    setIsNew(false);
    setAddress({ id, url });
    show(id);
  };

  return (
    <>
      <PageHead title="Strategies">
        {!isNew && (
          <Button
            kind="filled"
            onPress={() => {
              setIsNew(true);
            }}
          >
            New strategy
          </Button>
        )}
      </PageHead>
      <div className={style.page}>
        {isNew && (
          <NewStrategy
            onMade={made}
            onCancel={() => {
              setIsNew(false);
            }}
          />
        )}
        <Answered of={strategies}>
          {(all) => {
            const own = all.filter((one) => !one.is_manual);
            if (own.length === 0 && !isNew) return <NoStrategy />;
            return own.map((one) => (
              <One
                key={one.id}
                strategy={one}
                isShown={one.id === shown}
                url={address?.id === one.id ? address.url : null}
                onShow={() => {
                  show(one.id === shown ? null : one.id);
                }}
                onRotated={made}
              />
            ));
          }}
        </Answered>
      </div>
    </>
  );
}

function NoStrategy() {
  return (
    <Empty title="No strategy yet">
      A strategy says on which account an alert trades, how large, and with which stop. Make one, and you get the
      address and the text to paste into TradingView.
    </Empty>
  );
}

interface OneProperties {
  strategy: Strategy;
  isShown: boolean;
  url: string | null;
  onShow: () => void;
  onRotated: (id: string, url: string) => void;
}

function One({ strategy, isShown, url, onShow, onRotated }: OneProperties) {
  const account = useAccounts().data?.find((one) => one.id === strategy.account_id);
  const [isRotating, setIsRotating] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const path = { strategy_id: strategy.id };

  const activate = async (): Promise<void> => {
    setProblem(null);
    const body = { is_active: !strategy.is_active };
    try {
      await ask(api.PATCH("/strategies/{strategy_id}/activate", { params: { path }, body }));
    } catch (refusal) {
      setProblem(refusal);
    }
    await refresh(STRATEGIES);
  };

  return (
    <Panel>
      <div className={style.head}>
        <div className={style.name}>
          <h2>{strategy.name}</h2>
          <p className="quiet">
            {[
              account?.name,
              strategy.approval === "manual" ? "you approve each entry" : "approves itself",
              sizingWords(strategy.sizing),
            ]
              .filter(Boolean)
              .join(" · ")}
          </p>
        </div>
        {!strategy.is_active && <span className={style.off}>Off</span>}
        <Button onPress={onShow}>{isShown ? "Hide" : "Alert and test"}</Button>
        <Button onPress={() => void activate()}>{strategy.is_active ? "Switch off" : "Switch on"}</Button>
      </div>
      {problem !== null && <Problem problem={problem} />}
      {isShown && (
        <div className={style.more}>
          <WebhookAddress
            url={url}
            hint={strategy.token_hint}
            onRotate={() => {
              setIsRotating(true);
            }}
          />
          <AlertText strategyId={strategy.id} />
          <Rehearsal strategyId={strategy.id} />
        </div>
      )}
      {isRotating && (
        <Suspense>
          <RotateDialog
            strategy={strategy}
            onClose={() => {
              setIsRotating(false);
            }}
            onRotated={(fresh) => {
              setIsRotating(false);
              onRotated(strategy.id, fresh);
            }}
          />
        </Suspense>
      )}
    </Panel>
  );
}
