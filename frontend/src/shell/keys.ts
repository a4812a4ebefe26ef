/** Whether a key is meant for the page, and not for a field, a dialog or the browser. */
export function isForPage(event: KeyboardEvent): boolean {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return false;
  const target = event.target;
  if (!(target instanceof Element)) return true;
  return target.closest("input, textarea, select, [contenteditable], [role=dialog]") === null;
}
