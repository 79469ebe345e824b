/** This machine's clock, in ms since the epoch; the one place of the page that reads it. */
export function now(): number {
  return Date.now();
}
