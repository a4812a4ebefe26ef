import { useState } from "react";

import { api, ask } from "../../api/client";
import { STRATEGIES, useAccounts, useCapital } from "../../api/questions";
import { refresh } from "../../live/live";
import { Button } from "../../ui/Button";
import { Choice, TextField } from "../../ui/Field";
import { Panel, Problem } from "../../ui/Page";
import { exampleOf, isAmount, type Mode, MODES, UNITS } from "./sizing";
import style from "./Strategies.module.css";

interface Properties {
  onMade: (id: string, url: string) => void;
  onCancel: () => void;
}

export function NewStrategy({ onMade, onCancel }: Properties) {
  const accounts = useAccounts().data ?? [];
  const capital = useCapital().data?.items ?? [];
  const [name, setName] = useState("");
  const [chosen, choose] = useState("");
  const [approval, setApproval] = useState<"manual" | "auto">("manual");
  const [mode, setMode] = useState<Mode>("risk_percent");
  const [value, setValue] = useState("0.5");
  const [stop, setStop] = useState("2");
  const [problem, setProblem] = useState<unknown>(null);
  const [isAsking, setIsAsking] = useState(false);
  // Futures first: there an alert may go short as well.
  const usual = accounts.find((one) => one.market_type === "linear") ?? accounts[0];
  const account = accounts.find((one) => one.id === chosen) ?? usual;
  const equity = capital.find((one) => one.account_id === account?.id)?.equity ?? null;
  const example = equity === null ? null : exampleOf({ mode, value, stop, equity });
  const isOptional = mode === "from_alert" && value === "";
  const isValid = name.trim() !== "" && (isOptional || isAmount(value)) && (stop === "" || isAmount(stop));

  const make = async (): Promise<void> => {
    if (!account) return;
    setIsAsking(true);
    setProblem(null);
    const body = {
      name: name.trim(),
      account_id: account.id,
      approval,
      sizing: { mode, value: value.trim() || null },
      default_stop_loss: stop ? { kind: "percent" as const, value: asDocumented(stop) } : null,
    };
    try {
      const made = await ask(api.POST("/strategies", { body }));
      await refresh(STRATEGIES);
      onMade(made.id, made.webhook_url);
    } catch (refusal) {
      setProblem(refusal);
      setIsAsking(false);
    }
  };

  return (
    <Panel title="New strategy">
      <form
        className={style.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (isValid) void make();
        }}
      >
        <div className={style.fields}>
          <TextField label="Name" value={name} onChange={setName} isRequired />
          <Choice
            label="Account"
            value={account?.id ?? ""}
            onChange={choose}
            choices={accounts.map((one) => [one.id, one.name] as const)}
          />
          <Choice
            label="Entries"
            value={approval}
            onChange={setApproval}
            choices={[
              ["manual", "Wait for my approval"],
              ["auto", "Approve themselves"],
            ]}
          />
          <Choice label="Size" value={mode} onChange={setMode} choices={MODES} />
          <TextField
            label={mode === "from_alert" ? "Where the alert says none" : "How much"}
            value={value}
            onChange={setValue}
            inputMode="decimal"
            unit={UNITS[mode]}
            problem={isOptional || isAmount(value) ? null : "A number above 0."}
          />
          <TextField
            label="Stop, where the alert has none"
            value={stop}
            onChange={setStop}
            inputMode="decimal"
            unit="%"
            problem={stop === "" || isAmount(stop) ? null : "A number above 0, or nothing."}
          />
        </div>
        <div className={style.example}>
          <h3>In your money</h3>
          <p>{example ?? "Once the size can be worked out beforehand, it stands here."}</p>
        </div>
        {problem !== null && <Problem problem={problem} />}
        <div className={style.foot}>
          <Button type="submit" kind="filled" isDisabled={!isValid || isAsking}>
            Create strategy
          </Button>
          <Button onPress={onCancel}>Leave it</Button>
        </div>
      </form>
    </Panel>
  );
}

// The API takes this amount as text like every other; its document calls it a number.
function asDocumented(text: string): number {
  return text.trim() as unknown as number;
}
