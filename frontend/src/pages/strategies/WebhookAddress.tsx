import { Button } from "../../ui/Button";
import { Copyable } from "../../ui/Copyable";
import style from "./Strategies.module.css";

interface Properties {
  /** Only right after it was made: it is not kept anywhere. */
  url: string | null;
  hint: string;
  onRotate: () => void;
}

export function WebhookAddress({ url, hint, onRotate }: Properties) {
  return (
    <section className={style.section}>
      <h3>1. Webhook URL, for TradingView's Notifications tab</h3>
      {url === null ? (
        <p className="quiet">It was shown when it was made, and ends in …{hint}. Lost it? A new one ends the old.</p>
      ) : (
        <>
          <Copyable label="Webhook URL" text={url} />
          <p className="amber">Shown this once. Whoever has it can send alerts to this strategy.</p>
        </>
      )}
      <div className={style.foot}>
        <Button onPress={onRotate}>New URL</Button>
      </div>
    </section>
  );
}
