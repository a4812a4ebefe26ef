import { api, ask } from "../../api/client";
import { useLive } from "../../live/live";
import { Answered, PageHead, Panel } from "../../ui/Page";
import { adviceFor, nameOf, type Part, partsOf, sayingOf } from "./parts";
import style from "./Status.module.css";

const SENTENCES: Partial<Record<string, string>> = {
  ok: "All is well.",
  degraded: "It runs, but something needs a look.",
  down: "Something that trading needs does not work.",
};

export default function Status() {
  const status = useLive(["status"], () => ask(api.GET("/status-server")));
  return (
    <>
      <PageHead title="Status" />
      <Answered of={status}>
        {(answer) => (
          <div className={style.page}>
            <p className={style.whole} data-status={answer.status}>
              <Lamp status={answer.status} />
              {SENTENCES[answer.status] ?? answer.status}
            </p>
            <Panel>
              <ul className={style.parts}>
                {partsOf(answer).map((part) => (
                  <PartLine key={part.name} part={part} />
                ))}
              </ul>
            </Panel>
          </div>
        )}
      </Answered>
    </>
  );
}

function PartLine({ part }: { part: Part }) {
  const advice = part.status === "ok" ? null : adviceFor(part.name);
  return (
    <li className={style.part}>
      <Lamp status={part.status} />
      <b>{nameOf(part.name)}</b>
      <span className="quiet">{sayingOf(part)}</span>
      {advice !== null && <p className={style.advice}>{advice}</p>}
    </li>
  );
}

/** Colour and shape, so that neither is needed alone. */
function Lamp({ status }: { status: string }) {
  return (
    <span className={style.lamp} data-status={status} role="img" aria-label={status} />
  );
}
