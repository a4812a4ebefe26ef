import { api, ask } from "../../api/client";
import { usePerson } from "../../api/login";
import { sentenceIn } from "../../api/problems";
import { useLive } from "../../live/live";
import Dialog from "../../ui/Dialog";
import { Answered } from "../../ui/Page";
import { Track } from "../../ui/Track";
import { stopsOf } from "../positions/Story";
import style from "./Alarms.module.css";

/** One alarm: its bytes as they came, what they mean, and all that followed. */
export function AlarmSheet({ id, onClose }: { id: string; onClose: () => void }) {
  const zone = usePerson()?.timezone ?? "UTC";
  const story = useLive(["alarms", id], () =>
    ask(api.GET("/alarms/{alarm_id}", { params: { path: { alarm_id: id } } })),
  );
  return (
    <Dialog title="Alarm" isOpen onClose={onClose}>
      <Answered of={story}>
        {(alarm) => (
          <div className={style.sheet}>
            <p>{alarm.sentence ?? (sentenceIn(alarm.reason) || "Not understood.")}</p>
            {alarm.sentence !== null && alarm.reason !== null && (
              <p className="amber">{sentenceIn(alarm.reason)}</p>
            )}
            <pre className={style.body} aria-label="What was sent" tabIndex={0}>
              {alarm.body}
            </pre>
            <p className="quiet">
              From {alarm.source}
              {alarm.dialect !== null && `, read as ${alarm.dialect}`}
            </p>
            <Track stops={stopsOf(alarm.timeline, zone)} />
          </div>
        )}
      </Answered>
    </Dialog>
  );
}
