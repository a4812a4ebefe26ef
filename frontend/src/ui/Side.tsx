import { Icon } from "./Icon";
import style from "./Side.module.css";

/** Which way; green and red mean money alone, so sides have hues of their own. */
export function Side({ side, isTag = false }: { side: string; isTag?: boolean }) {
  const isLong = side === "long";
  return (
    <span className={[isTag ? style.tag : style.plain, isLong ? style.long : style.short].join(" ")}>
      <Icon name={isLong ? "long" : "short"} size={14} />
      {isLong ? "Long" : "Short"}
    </span>
  );
}
