import type { ReactNode } from "react";

import style from "./Track.module.css";

export interface Stop {
  key: string;
  /** Round: done. Square: refused. Diamond: had to look twice. Ring: nothing was sent. */
  mark: "done" | "refused" | "twice" | "nothing";
  when: string;
  what: ReactNode;
}

/** What happened, as a railway line with its stops. */
export function Track({ stops }: { stops: readonly Stop[] }) {
  return (
    <ol className={style.track}>
      {stops.map((stop) => (
        <li key={stop.key} data-mark={stop.mark}>
          <span className={style.when}>{stop.when}</span>
          <span className={style.what}>{stop.what}</span>
        </li>
      ))}
    </ol>
  );
}
