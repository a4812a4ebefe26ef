import { api, ask } from "../../api/client";
import { usePerson } from "../../api/login";
import { type Position, POSITIONS, type Step } from "../../api/questions";
import { clock, later } from "../../format/time";
import { useLive, useSettled } from "../../live/live";
import { Answered, Skeleton } from "../../ui/Page";
import { type Stop, Track } from "../../ui/Track";
import { detailOf, isTold, markOf, nameOf } from "./steps";

/** Every step from the alert to this moment. */
export function Story({ position }: { position: Position }) {
  const zone = usePerson()?.timezone ?? "UTC";
  const alarm = useAlarmOf(position);
  const steps = useLive(
    [...POSITIONS, position.id, "story"],
    async () => {
      const path = { alarm_id: alarm ?? "" };
      return (await ask(api.GET("/alarms/{alarm_id}", { params: { path } }))).timeline;
    },
    alarm != null,
  );
  if (alarm === undefined) return <Skeleton rows={3} height={36} />;
  if (alarm === null) return <p className="quiet">No alert stands behind it: it was opened by hand.</p>;
  return (
    <Answered of={steps} skeleton={<Skeleton rows={3} height={36} />}>
      {(told) => <Track stops={stopsOf(told, zone)} />}
    </Answered>
  );
}

/** The alert that opened it: by its first fill, that one's order and its signal. */
function useAlarmOf(position: Position): string | null | undefined {
  const order = position.fills.at(0)?.order_id;
  return useSettled(
    [...POSITIONS, position.id, "alarm"],
    async () => {
      const order_id = order ?? "";
      const { signal_id } = await ask(api.GET("/orders/{order_id}", { params: { path: { order_id } } }));
      if (signal_id === null) return null;
      const signal = await ask(api.GET("/signals/{signal_id}", { params: { path: { signal_id } } }));
      return signal.alarm_id;
    },
    order !== undefined,
  ).data;
}

/** The steps worth telling: the first by the clock, the others by how much later they were. */
export function stopsOf(steps: readonly Step[], zone: string): Stop[] {
  const told = steps.filter((one) => isTold(one.step));
  const begin = told[0]?.at;
  return told.map((step, at) => ({
    key: `${at} ${step.step}`,
    mark: markOf(step.step),
    when: begin === undefined || at === 0 ? clock(step.at, zone) : later(begin, step.at),
    what: (
      <>
        <b>{nameOf(step.step)}</b>
        {step.detail && `: ${detailOf(step.detail)}`}
      </>
    ),
  }));
}
