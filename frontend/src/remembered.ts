/**
 * The little that this browser keeps between two visits. Nothing of it is secret: logins are in
 * cookies that no script can read.
 */

const THEME = "signalbox.theme";
const LOGIN = "signalbox.was-logged-in";

export type Theme = "dark" | "light";

export function rememberedTheme(): Theme | null {
  const found = read(THEME);
  return found === "dark" || found === "light" ? found : null;
}

export function rememberTheme(theme: Theme): void {
  write(THEME, theme);
}

/** Whether it is worth asking to carry an earlier login on. */
export function wasLoggedIn(): boolean {
  return read(LOGIN) !== null;
}

export function rememberLogin(isLoggedIn: boolean): void {
  write(LOGIN, isLoggedIn ? "yes" : null);
}

// A browser that keeps nothing throws; the screen works there all the same.
function read(name: string): string | null {
  try {
    return window.localStorage.getItem(name);
  } catch {
    return null;
  }
}

function write(name: string, value: string | null): void {
  try {
    if (value === null) window.localStorage.removeItem(name);
    else window.localStorage.setItem(name, value);
  } catch {
    // Next time it is asked anew.
  }
}
