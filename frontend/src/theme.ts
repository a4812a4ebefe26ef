import { useSyncExternalStore } from "react";

import { rememberedTheme, rememberTheme, type Theme } from "./remembered";

const listeners = new Set<() => void>();
let theme: Theme = "dark";

/** Set the theme of last time, else the one that the machine prefers. */
export function applyTheme(): void {
  const prefersLight = window.matchMedia("(prefers-color-scheme: light)").matches;
  setTheme(rememberedTheme() ?? (prefersLight ? "light" : "dark"));
}

export function switchTheme(): void {
  setTheme(theme === "dark" ? "light" : "dark");
  rememberTheme(theme);
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, () => theme);
}

function setTheme(next: Theme): void {
  theme = next;
  document.documentElement.dataset["theme"] = next;
  const colour = getComputedStyle(document.documentElement).getPropertyValue("--bg").trim();
  document.querySelector('meta[name="theme-color"]')?.setAttribute("content", colour);
  for (const tell of listeners) tell();
}

function subscribe(tell: () => void): () => void {
  listeners.add(tell);
  return () => listeners.delete(tell);
}
