import { useCapital, useOpenPositions, useRisk } from "../api/questions";
import { logOut } from "../api/login";
import { sum } from "../format/decimal";
import { amount } from "../format/numbers";
import { age } from "../format/time";
import { useContact, useSilence } from "../live/contact";
import { quiet } from "../live/live";
import { switchTheme, useTheme } from "../theme";
import { Button } from "../ui/Button";
import { Icon } from "../ui/Icon";
import { Money } from "../ui/Money";
import style from "./Strip.module.css";

/** Money at a glance: today, open, what of the day's loss is used, what all of it is worth. */
export function Strip() {
  const risk = useRisk().data;
  const capital = useCapital().data;
  const held = useOpenPositions().data ?? [];
  const open = held.flatMap((one) => (one.unrealized_pnl == null ? [] : [one.unrealized_pnl]));
  // Live money and paper money are never added up: where there is live money, it is what counts.
  const isPaper = !(risk?.days.some((day) => !day.is_paper) ?? false);
  const day = risk?.days.find((one) => one.is_paper === isPaper);
  const limit = risk?.limits.max_daily_loss;
  const equity = capital?.totals.find(
    (one) => one.is_paper === isPaper && one.currency === (day?.currency ?? one.currency),
  );
  return (
    <header className={style.strip}>
      <dl className={style.figures}>
        <Figure name="Today">
          <Money value={day?.realized_today} hasArrow currency={day?.currency ?? ""} />
        </Figure>
        <Figure name="Open">
          <Money value={sum("0", ...open)} hasArrow currency={day?.currency ?? ""} />
        </Figure>
        {day && limit != null && (
          <Figure name="Daily loss used" isMinor>
            {amount(day.loss)} <span className="quiet">of {amount(limit)}</span>
          </Figure>
        )}
        {equity && (
          <Figure name="Equity" isMinor>
            {amount(equity.equity)} <span className={style.unit}>{equity.currency}</span>
          </Figure>
        )}
      </dl>
      <div className={style.end}>
        {risk && <span className={isPaper ? style.paper : style.live}>{isPaper ? "Paper" : "Live"}</span>}
        <Lamp />
        <ThemeButton />
        <Button kind="bare" label="Log out" onPress={() => void logOut(quiet)}>
          <Icon name="leave" size={18} />
        </Button>
      </div>
    </header>
  );
}

interface FigureProperties {
  name: string;
  isMinor?: boolean;
  children: React.ReactNode;
}

function Figure({ name, isMinor = false, children }: FigureProperties) {
  return (
    <div className={isMinor ? style.minor : ""}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Lamp() {
  const contact = useContact();
  const words = { live: "Connected", stale: "Stale", offline: "No contact" }[contact];
  const silence = useSilence();
  return (
    <span className={style.lamp} data-contact={contact}>
      <i aria-hidden="true" />
      <span className={style.word}>{words}</span>
      {contact !== "live" && <span>{age(silence)}</span>}
    </span>
  );
}

function ThemeButton() {
  const isDark = useTheme() === "dark";
  return (
    <Button kind="bare" label={isDark ? "Light theme" : "Dark theme"} onPress={switchTheme}>
      <Icon name={isDark ? "moon" : "sun"} size={18} />
    </Button>
  );
}
