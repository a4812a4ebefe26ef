import { useAccounts, useRisk } from "../api/questions";
import { usePerson } from "../api/login";
import { age, clock } from "../format/time";
import { heardLastAt, useContact, useSilence } from "../live/contact";
import { Icon } from "../ui/Icon";
import style from "./Banners.module.css";

/** What a trader has to know before believing the page below. */
export function Banners() {
  return (
    <div className={style.banners}>
      <ContactBanner />
      <SwitchBanner />
      <PaperBanner />
    </div>
  );
}

function ContactBanner() {
  const contact = useContact();
  const zone = usePerson()?.timezone ?? "UTC";
  const silence = useSilence();
  if (contact === "live") return null;
  const seen = clock(heardLastAt(), zone);
  return (
    <p className={style.alarm} role="alert">
      <Icon name="warning" size={16} />
      {contact === "stale"
        ? `Nothing new for ${age(silence)}. What you see is of ${seen}; approving waits until it is fresh.`
        : `The server does not answer. Last seen ${seen}; nothing you press is kept for later.`}
    </p>
  );
}

function SwitchBanner() {
  const switches = useRisk().data?.switches ?? [];
  if (switches.length === 0) return null;
  return (
    <p className={style.alarm} role="status">
      <Icon name="warning" size={16} />
      Kill switch on: no entries are sent. Positions keep their stops, and closing still works.
    </p>
  );
}

function PaperBanner() {
  const isSimulated = useAccounts().data?.every((one) => one.exchange === "paper") ?? false;
  if (!isSimulated) return null;
  return (
    <p className={style.paper} role="note">
      <b>Simulated prices.</b> All your accounts are at the paper exchange; no real money moves.
    </p>
  );
}
