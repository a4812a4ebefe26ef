/** Drawn here, so that no machine has to have a font for them. */

const PATHS = {
  inbox: "M3 13h5l1.5 3h5L16 13h5M5 5h14l2 8v6H3v-6z",
  positions: "M5 20V10M10 20V4M15 20v-9M20 20V7",
  today: "M4 6h16v14H4zM4 10h16M8 3v4M16 3v4",
  alarms: "M6 17V11a6 6 0 0 1 12 0v6l2 2H4zM10 21h4",
  strategies: "M4 6h10M18 6h2M4 12h2M10 12h10M4 18h8M16 18h4M14 4v4M8 10v4M14 16v4",
  status: "M3 12h4l3-7 4 14 3-7h4",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  long: "M7 17 17 7M9 7h8v8",
  short: "M7 7l10 10M17 9v8H9",
  check: "M5 12.5 10 17.5 19 7",
  cross: "M6 6l12 12M18 6 6 18",
  warning: "M12 5v9M12 18.5h.01",
  half: "M12 4a8 8 0 1 0 0 16z",
  sun: "M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6 19 19M5 19l1.4-1.4M17.6 6.4 19 5",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.500 10.500z",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  leave: "M14 4h6v16h-6M4 12h11M11 8l4 4-4 4",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={size < 16 ? 3 : 1.8}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
