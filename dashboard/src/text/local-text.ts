const weekday = new Intl.DateTimeFormat('en-GB', { weekday: 'short', timeZone: 'UTC' });

/** A time of some zone, as `2026-11-27T02:00:00+01:00`, to be read: `Fri 2026-11-27 02:00:00 (+01:00)`. */
export function localText(local: string): string {
  const [, date = '', time = '', zone = ''] = /^([\d-]+)T([\d:.]+)(.*)$/.exec(local) ?? [];
  if (date === '') return local;
  return `${weekday.format(new Date(`${date}T00:00:00Z`))} ${date} ${time} (${zone})`;
}
