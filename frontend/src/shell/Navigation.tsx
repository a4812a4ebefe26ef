import { Link } from "@tanstack/react-router";

import { useOpenPositions, usePending } from "../api/questions";
import { Icon, type IconName } from "../ui/Icon";
import style from "./Navigation.module.css";

const PAGES = [
  ["/", "Inbox", "inbox"],
  ["/positions", "Positions", "positions"],
  ["/today", "Today", "today"],
  ["/alarms", "Alarms", "alarms"],
  ["/strategies", "Strategies", "strategies"],
  ["/status", "Status", "status"],
] as const satisfies readonly (readonly [string, string, IconName])[];

export function Navigation() {
  const pending = usePending().data?.length ?? 0;
  const open = useOpenPositions().data?.length ?? 0;
  const counts: Partial<Record<string, number>> = { "/": pending, "/positions": open };
  return (
    <nav className={style.bar} aria-label="Pages">
      <img className={style.mark} src="/app/icon.svg" alt="Signalbox" width={40} height={40} />
      <ul>
        {PAGES.map(([to, name, icon]) => (
          <li key={to}>
            <Link
              to={to}
              className={style.link ?? ""}
              activeProps={{ "aria-current": "page" }}
              activeOptions={{ exact: to === "/" }}
            >
              <Icon name={icon} />
              <span>{name}</span>
              {counts[to] ? <Count value={counts[to]} /> : null}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Count({ value }: { value: number }) {
  return (
    <span className={style.count}>
      <span className="unseen">, </span>
      {value > 99 ? "99+" : value}
    </span>
  );
}
