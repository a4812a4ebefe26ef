/** A name for one request, so that it is done once however often it arrives. */
export function requestKey(): string {
  // crypto.randomUUID exists only where the page came by TLS or from this machine.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
