import type { Position } from "../../api/questions";
import { marketOf } from "../../format/markets";
import { exact } from "../../format/numbers";
import { Button } from "../../ui/Button";
import Dialog from "../../ui/Dialog";
import { Money } from "../../ui/Money";
import style from "./CloseDialog.module.css";

interface Properties {
  position: Position;
  onClose: () => void;
  onKeep: () => void;
}

export default function CloseDialog({ position, onClose, onKeep }: Properties) {
  const market = marketOf(position.symbol);
  return (
    <Dialog title={`Close ${market.name}`} isOpen onClose={onKeep}>
      <p>
        All of it, {exact(position.quantity)} {market.base}, at market. Its stop and target are taken away with
        it. At the price of this moment that is <Money value={position.unrealized_pnl} currency={market.quote} />{" "}
        before the fee.
      </p>
      <div className={style.foot}>
        <Button kind="danger" onPress={onClose}>
          Close now at market
        </Button>
        <Button onPress={onKeep}>Keep it open</Button>
      </div>
    </Dialog>
  );
}
