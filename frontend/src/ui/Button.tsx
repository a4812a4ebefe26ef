import type { ReactNode } from "react";
import { Button as AriaButton } from "react-aria-components/Button";

import style from "./Button.module.css";

type Kind = "filled" | "plain" | "danger" | "bare";

interface Properties {
  children: ReactNode;
  onPress?: () => void;
  kind?: Kind;
  /** The key that does the same. */
  shortcut?: string;
  isDisabled?: boolean;
  type?: "button" | "submit";
  label?: string;
  isWide?: boolean;
}

export function Button({
  children,
  kind = "plain",
  shortcut,
  label,
  isWide = false,
  isDisabled = false,
  ...rest
}: Properties) {
  return (
    <AriaButton
      {...rest}
      isDisabled={isDisabled}
      {...(label === undefined ? {} : { "aria-label": label })}
      {...(shortcut === undefined ? {} : { "aria-keyshortcuts": shortcut })}
      className={[style.button, style[kind], isWide ? style.wide : ""].join(" ")}
    >
      {children}
      {shortcut !== undefined && (
        <kbd className={style.key} aria-hidden="true">
          {shortcut.toUpperCase()}
        </kbd>
      )}
    </AriaButton>
  );
}
