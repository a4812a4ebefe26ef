import { useState } from "react";

import { Button } from "./Button";
import style from "./Copyable.module.css";
import { Icon } from "./Icon";

interface Properties {
  label: string;
  text: string;
}

/** A text to paste elsewhere. */
export function Copyable({ label, text }: Properties) {
  const [isCopied, setIsCopied] = useState(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setIsCopied(true);
    } catch {
      // Not allowed here: it can be marked and copied by hand.
      setIsCopied(false);
    }
  };
  return (
    <div className={style.copyable}>
      <pre tabIndex={0} aria-label={label}>
        {text}
      </pre>
      <Button label={`Copy ${label.toLowerCase()}`} onPress={() => void copy()}>
        <Icon name={isCopied ? "check" : "copy"} size={16} />
        {isCopied ? "Copied" : "Copy"}
      </Button>
    </div>
  );
}
