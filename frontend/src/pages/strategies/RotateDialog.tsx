import { useState } from "react";

import { api, ask } from "../../api/client";
import { ApiProblem } from "../../api/problems";
import { type Strategy, STRATEGIES } from "../../api/questions";
import { refresh } from "../../live/live";
import { Button } from "../../ui/Button";
import Dialog from "../../ui/Dialog";
import { TextField } from "../../ui/Field";
import { Problem } from "../../ui/Page";
import style from "./Strategies.module.css";

const NEEDS_PROOF = "step_up_required";

interface Properties {
  strategy: Strategy;
  onClose: () => void;
  onRotated: (url: string) => void;
}

/** A new address for the alerts; the old one ends at once. Asks for the password when it is due. */
export default function RotateDialog({ strategy, onClose, onRotated }: Properties) {
  const [password, setPassword] = useState("");
  const [needsProof, setNeedsProof] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);

  const rotate = async (): Promise<void> => {
    setProblem(null);
    const params = { path: { strategy_id: strategy.id } };
    try {
      if (needsProof) await ask(api.POST("/auth/step-up", { body: { password } }));
      const fresh = await ask(api.POST("/strategies/{strategy_id}/rotate-token", { params, body: {} }));
      await refresh(STRATEGIES);
      onRotated(fresh.webhook_url);
    } catch (refusal) {
      if (refusal instanceof ApiProblem && refusal.code === NEEDS_PROOF) setNeedsProof(true);
      else setProblem(refusal);
    }
  };

  return (
    <Dialog title={`New URL for ${strategy.name}`} isOpen onClose={onClose}>
      <form
        className={style.form}
        onSubmit={(event) => {
          event.preventDefault();
          void rotate();
        }}
      >
        <p>The old URL ends at once: alerts still sent there are lost until you paste the new one.</p>
        {needsProof && (
          <TextField
            label="Your password, once more"
            type="password"
            value={password}
            onChange={setPassword}
            autoComplete="current-password"
            isRequired
          />
        )}
        {problem !== null && <Problem problem={problem} />}
        <div className={style.foot}>
          <Button type="submit" kind="filled">
            Make a new URL
          </Button>
          <Button onPress={onClose}>Keep the old one</Button>
        </div>
      </form>
    </Dialog>
  );
}
