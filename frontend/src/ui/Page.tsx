import type { UseQueryResult } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";

import { ApiProblem } from "../api/problems";
import { sentenceOf } from "../api/problems";
import { Button } from "./Button";
import style from "./Page.module.css";

interface HeadProperties {
  title: string;
  aside?: ReactNode;
  children?: ReactNode;
}

export function PageHead({ title, aside, children }: HeadProperties) {
  useEffect(() => {
    document.title = `${title} · Signalbox`;
  }, [title]);
  return (
    <header className={style.head}>
      <h1>{title}</h1>
      {aside !== undefined && <span className="quiet">{aside}</span>}
      <div className={style.tools}>{children}</div>
    </header>
  );
}

interface AnsweredProperties<T> {
  of: UseQueryResult<T>;
  /** What stands here until the answer comes, in the size it will have. */
  skeleton?: ReactNode;
  children: (answer: T) => ReactNode;
}

/** The answer; until then a skeleton, and the server's reason where there is none. */
export function Answered<T>({ of, skeleton, children }: AnsweredProperties<T>) {
  if (of.data !== undefined) return children(of.data);
  if (of.isError) {
    return (
      <Problem
        problem={of.error}
        onRetry={() => {
          void of.refetch();
        }}
      />
    );
  }
  return <Late>{skeleton ?? <Skeleton rows={3} />}</Late>;
}

export function Problem({ problem, onRetry }: { problem: unknown; onRetry?: () => void }) {
  return (
    <div className={style.problem} role="alert">
      <p>{sentenceOf(problem)}</p>
      {problem instanceof ApiProblem && (
        <p className={style.code}>
          {problem.code}
          {problem.requestId !== null && ` · request ${problem.requestId}`}
        </p>
      )}
      {onRetry && <Button onPress={onRetry}>Try again</Button>}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className={style.empty}>
      <h2>{title}</h2>
      <div className="quiet">{children}</div>
    </div>
  );
}

export function Skeleton({ rows, height = 52 }: { rows: number; height?: number }) {
  return (
    <div className={style.skeleton} aria-hidden="true">
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} style={{ height }} />
      ))}
    </div>
  );
}

export function Panel({ title, children }: { title?: string; children: ReactNode }) {
  return (
    <section className={style.panel}>
      {title !== undefined && <h2>{title}</h2>}
      {children}
    </section>
  );
}

/** Only after a moment: what comes at once needs no announcement. */
function Late({ children }: { children: ReactNode }) {
  const [isDue, setIsDue] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => {
      setIsDue(true);
    }, 200);
    return () => {
      clearTimeout(timer);
    };
  }, []);
  return (
    <div role="status">
      <span className="unseen">Loading</span>
      {isDue && children}
    </div>
  );
}
