import { type PositionRow, useStrategies } from "../../api/questions";
import { difference, percentOf, placesOf, product } from "../../format/decimal";
import { marketOf } from "../../format/markets";
import { exact, signedPercent } from "../../format/numbers";
import { age } from "../../format/time";
import { useContact, useNow } from "../../live/contact";
import { Money } from "../../ui/Money";
import { Side } from "../../ui/Side";
import { Guard } from "./Guard";
import style from "./Row.module.css";

const HEADINGS = ["Symbol", "Quantity", "Entry", "Price", "Profit or loss", "Stop", "Target", "Protection", "Age"];

export function RowHead() {
  return (
    <div role="row" className={`${style.row} ${style.headings}`}>
      {HEADINGS.map((name) => (
        <span key={name} role="columnheader">
          {name}
        </span>
      ))}
    </div>
  );
}

interface Properties {
  position: PositionRow;
  isShown: boolean;
  onShow: () => void;
}

export function Row({ position, isShown, onShow }: Properties) {
  const market = marketOf(position.symbol);
  const strategy = useStrategies().data?.find((one) => one.id === position.strategy_id);
  const isFresh = useContact() === "live";
  const now = useNow();
  const places = pricePlaces(position);
  return (
    <div role="row" className={style.row} data-shown={isShown} data-fresh={isFresh}>
      <span role="cell" className={style.symbol}>
        <button type="button" className={style.open} aria-pressed={isShown} onClick={onShow}>
          {market.name}
        </button>
        <Side side={position.position_side} />
        <span className={style.strategy}>{strategy?.name}</span>
      </span>
      <span role="cell" className={style.minor}>
        {exact(position.quantity)}
      </span>
      <span role="cell" className={`${style.minor} quiet`}>
        {exact(position.entry_price, places)}
      </span>
      <span role="cell" className={style.minor}>
        {exact(position.price, places)}
      </span>
      <span role="cell" className={style.result}>
        <Money value={position.unrealized_pnl} hasArrow />
        <small>{signedPercent(shareOf(position))}</small>
      </span>
      <Away position={position} level={position.stop_loss} places={places} />
      <Away position={position} level={position.take_profit} places={places} />
      <span role="cell" className={style.guard}>
        <Guard position={position} />
      </span>
      <span role="cell" className={`${style.minor} quiet`}>
        {position.opened_at === null ? "opening" : age(now - Date.parse(position.opened_at))}
      </span>
    </div>
  );
}

interface AwayProperties {
  position: PositionRow;
  level: string | null;
  places: number;
}

/** A level, and how far the price is from it. */
function Away({ position, level, places }: AwayProperties) {
  const { price } = position;
  const away = level === null || price === null ? null : percentOf(difference(level, price), price);
  return (
    <span role="cell" className={style.minor}>
      {exact(level, places)}
      <small className="quiet">{away === null ? "" : signedPercent(away)}</small>
    </span>
  );
}

/** The open result as a share of what was paid. */
function shareOf(position: PositionRow): string | null {
  if (position.unrealized_pnl === null || position.entry_price === null) return null;
  if (marketOf(position.symbol).kind === "inverse") return null;
  return percentOf(position.unrealized_pnl, product(position.quantity, position.entry_price));
}

/** As many places for each price of a row as its market writes. */
export function pricePlaces(position: Pick<PositionRow, "price" | "stop_loss" | "take_profit">): number {
  const prices = [position.price, position.stop_loss, position.take_profit];
  return Math.max(0, ...prices.map((one) => (one === null ? 0 : placesOf(one))));
}
