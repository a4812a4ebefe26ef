import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";

import { useOpenPositions } from "../../api/questions";
import { Answered, Empty, PageHead, Skeleton } from "../../ui/Page";
import { Detail } from "./Detail";
import style from "./Positions.module.css";
import { Row, RowHead } from "./Row";

export default function Positions() {
  const held = useOpenPositions();
  const { id } = useSearch({ from: "/shell/positions" });
  const navigate = useNavigate({ from: "/positions" });
  const open = held.data ?? [];
  const wanted = id ?? open[0]?.id;
  const [last, setLast] = useState(wanted);
  if (wanted !== undefined && wanted !== last) setLast(wanted);
  // One that has closed a moment ago stays below the list, with what became of it.
  const shown = wanted ?? last;
  return (
    <>
      <PageHead title="Positions" aside={`${open.length} open`} />
      <Answered of={held} skeleton={<Skeleton rows={4} />}>
        {(rows) => (
          <div className={style.page}>
            {rows.length === 0 ? (
              <Empty title="Nothing is open">
                What you approve in the Inbox becomes a position here, with its stop at the exchange.
              </Empty>
            ) : (
              <div className={style.table} role="table" aria-label="Open positions">
                <RowHead />
                {rows.map((row) => (
                  <Row
                    key={row.id}
                    position={row}
                    isShown={row.id === shown}
                    onShow={() => void navigate({ search: { id: row.id }, replace: true })}
                  />
                ))}
              </div>
            )}
            {shown !== undefined && <Detail key={shown} id={shown} />}
          </div>
        )}
      </Answered>
    </>
  );
}
