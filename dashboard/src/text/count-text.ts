const whole = new Intl.NumberFormat('en-US');
const short = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });

/** From here on the exact number is not read, only its size. */
const LONG = 100_000;

/** A number to be read at a glance: `1,204`, `1.2M`. */
export function countText(count: number): string {
  return count >= LONG ? short.format(count) : whole.format(count);
}

/** With its word: `1 job`, `1,204 jobs`. */
export function countedText(count: number, one: string, many: string = `${one}s`): string {
  return `${whole.format(count)} ${count === 1 ? one : many}`;
}
