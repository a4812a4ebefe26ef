import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { api, ask } from "../../api/client";
import { sentenceIn } from "../../api/problems";
import { useStrategies } from "../../api/questions";
import { Button } from "../../ui/Button";
import { Choice, LongText } from "../../ui/Field";
import { Panel, Problem } from "../../ui/Page";
import style from "./Alarms.module.css";

const NONE = "";

/** What an alert would mean, before it is ever sent. */
export function Preview() {
  const strategies = useStrategies().data ?? [];
  const [text, setText] = useState("");
  const [strategy, setStrategy] = useState(NONE);
  const reading = useMutation({
    mutationFn: () =>
      ask(
        api.POST("/alarms/preview", {
          params: { query: strategy === NONE ? {} : { strategy_id: strategy } },
          // The text itself, not a JSON of it: what is wrong with it is the question.
          body: text as never,
          bodySerializer: (body: unknown) => String(body),
          headers: { "Content-Type": "text/plain" },
        }),
      ),
  });
  const meaning = reading.data;
  return (
    <Panel title="What would this alert mean?">
      <form
        className={style.form}
        onSubmit={(event) => {
          event.preventDefault();
          reading.mutate();
        }}
      >
        <LongText label="Paste an alert" value={text} onChange={setText} hint="Nothing is sent or kept." />
        <Choice
          label="For"
          value={strategy}
          onChange={setStrategy}
          choices={[[NONE, "no strategy"], ...strategies.map((one) => [one.id, one.name] as const)]}
        />
        <Button type="submit" isDisabled={text.trim() === "" || reading.isPending}>
          Read it
        </Button>
      </form>
      {reading.isError && <Problem problem={reading.error} />}
      {meaning && (
        <div className={style.form} role="status">
          <p className={meaning.understood ? "" : "down"}>
            {meaning.understood ? meaning.sentence : sentenceIn(meaning.reason)}
          </p>
          <ul className={style.problems}>
            {meaning.problems.map((one) => (
              <li key={`${one.code} ${one.detail}`}>{one.detail}</li>
            ))}
          </ul>
          {meaning.strategy?.would.map((one, at) => (
            <p key={at} className="quiet">
              {one.sentence}
              {one.reason !== null && ` ${sentenceIn(one.reason)}`}
            </p>
          ))}
        </div>
      )}
    </Panel>
  );
}
