import type { Preview, Signal } from "../../api/questions";
import { placesOf } from "../../format/decimal";

/** As many places for each price of a card as the finest of them has. */
export function placesIn(signal: Signal, preview: Preview): number {
  const prices = [
    signal.reference_price,
    preview.entry_price,
    preview.stop_loss,
    preview.take_profit,
  ];
  return Math.max(0, ...prices.map((price) => (price == null ? 0 : placesOf(price))));
}
