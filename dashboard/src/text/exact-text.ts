const local = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** A time as the reader's clocks show it, and in UTC as logs have it. */
export function exactText(at: string): string {
  return `${local.format(new Date(at))} · ${at}`;
}
