const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

/** A minute as the reader's clocks show it: `14:02`. */
export function minuteText(atMs: number): string {
  return clock.format(atMs);
}
