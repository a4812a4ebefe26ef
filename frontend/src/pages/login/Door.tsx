import type { ReactNode } from "react";
import { useEffect } from "react";

import style from "./Door.module.css";

interface Properties {
  title: string;
  onSubmit: () => void;
  children: ReactNode;
}

/** The page in front of all others. */
export function Door({ title, onSubmit, children }: Properties) {
  useEffect(() => {
    document.title = `${title} · Signalbox`;
  }, [title]);
  return (
    <main className={style.door}>
      <form
        className={style.form}
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit();
        }}
      >
        <header className={style.head}>
          <img src="/app/icon.svg" alt="" width={44} height={44} />
          <div>
            <h1>{title}</h1>
            <p className="quiet">Signalbox: from an alert to a protected position.</p>
          </div>
        </header>
        {children}
      </form>
    </main>
  );
}
