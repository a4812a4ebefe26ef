import { useId } from "react";

import { type DecimalText, drawn } from "../format/decimal";
import { exact } from "../format/numbers";
import style from "./LevelChart.module.css";
import { useWidth } from "./useWidth";

export interface Level {
  name: string;
  price: DecimalText;
  tone: "entry" | "stop" | "target" | "now";
}

interface Properties {
  /** Prices so far, oldest first; may be none. */
  prices: readonly DecimalText[];
  levels: readonly Level[];
  places: number;
  height?: number;
}

const FIRST_WIDTH = 320;
const LABELS = 88;
const MARGIN = 12;
const LINE = 15;

/** Where a price stands between its stop and its target. */
export function LevelChart({ prices, levels, places, height = 156 }: Properties) {
  const title = useId();
  const [drawing, width] = useWidth<SVGSVGElement>(FIRST_WIDTH);
  const plot = Math.max(0, width - LABELS);
  const y = scaleOver([...prices, ...levels.map((one) => one.price)], height);
  const last = prices.at(-1);
  const step = prices.length > 1 ? (plot - 6) / (prices.length - 1) : 0;
  const points = prices.map((price, at) => `${(at * step).toFixed(1)},${y(price).toFixed(1)}`);
  const labelled = spread(levels.map((one) => ({ ...one, y: y(one.price) })), height);
  return (
    <svg
      ref={drawing}
      className={style.chart}
      height={height}
      role="img"
      aria-labelledby={title}
    >
      <title id={title}>{levels.map((one) => `${one.name} ${exact(one.price, places)}`).join(", ")}</title>
      <Zones levels={levels} y={y} right={plot} />
      {labelled.map((one) => (
        <g key={one.name} className={style[one.tone]}>
          <line x1="0" x2={plot} y1={one.y} y2={one.y} className={style.level} />
          <text x={plot + 6} y={one.textY + 4}>
            {exact(one.price, places)}
          </text>
        </g>
      ))}
      {points.length > 1 && <polyline className={style.line} points={points.join(" ")} />}
      {last !== undefined && <circle className={style.dot} cx={plot - 6} cy={y(last)} r="3.5" />}
    </svg>
  );
}

interface ZoneProperties {
  levels: readonly Level[];
  y: (price: DecimalText) => number;
  right: number;
}

/** What may be won and what may be lost, as two areas. */
function Zones({ levels, y, right }: ZoneProperties) {
  const entry = levels.find((one) => one.tone === "entry");
  if (!entry) return null;
  return levels
    .filter((one) => one.tone === "stop" || one.tone === "target")
    .map((one) => {
      const [top, foot] = [Math.min(y(one.price), y(entry.price)), Math.max(y(one.price), y(entry.price))];
      return (
        <rect
          key={one.name}
          className={`${style.zone} ${style[one.tone]}`}
          x={right * 0.72}
          width={right * 0.28}
          y={top}
          height={foot - top}
        />
      );
    });
}

function scaleOver(prices: readonly DecimalText[], height: number): (price: DecimalText) => number {
  const numbers = prices.map(drawn);
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const span = high - low || Math.abs(high) || 1;
  return (price) => MARGIN + ((high - drawn(price)) / span) * (height - 2 * MARGIN);
}

/** Labels a line apart, so that two close levels can both be read. */
function spread<T extends { y: number }>(levels: T[], height: number): (T & { textY: number })[] {
  const sorted = [...levels].sort((one, other) => one.y - other.y);
  let free = MARGIN - LINE;
  const placed = sorted.map((one) => {
    free = Math.max(free + LINE, one.y);
    return { ...one, textY: free };
  });
  const over = Math.max(0, free - (height - MARGIN / 2));
  return placed.map((one) => ({ ...one, textY: one.textY - over }));
}
