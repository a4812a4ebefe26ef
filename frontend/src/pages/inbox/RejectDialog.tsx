import { useState } from "react";

import { Button } from "../../ui/Button";
import Dialog from "../../ui/Dialog";
import { REASONS } from "./decisions";
import style from "./RejectDialog.module.css";

interface Properties {
  market: string;
  onClose: () => void;
  onReject: (reason?: string) => void;
}

/** Why not, if one cares to say: 1 to 5 choose a reason, Enter rejects. */
export default function RejectDialog({ market, onClose, onReject }: Properties) {
  const [reason, setReason] = useState<string | null>(null);
  return (
    <Dialog title={`Reject ${market}`} isOpen onClose={onClose}>
      <form
        className={style.form}
        onSubmit={(event) => {
          event.preventDefault();
          onReject(reason ?? undefined);
        }}
        onKeyDown={(event) => {
          const chosen = REASONS[Number(event.key) - 1];
          if (chosen !== undefined) setReason(chosen);
        }}
      >
        <fieldset className={style.reasons}>
          <legend className="quiet">Why, for your own records. You may leave it out.</legend>
          {REASONS.map((words, at) => (
            <label key={words} className={style.reason}>
              <input
                type="radio"
                name="reason"
                checked={reason === words}
                autoFocus={at === 0}
                onChange={() => {
                  setReason(words);
                }}
              />
              <span>{words}</span>
              <kbd aria-hidden="true">{at + 1}</kbd>
            </label>
          ))}
        </fieldset>
        <div className={style.foot}>
          <Button type="submit" kind="filled">
            Reject it
          </Button>
          <Button onPress={onClose}>Keep it</Button>
        </div>
      </form>
    </Dialog>
  );
}
