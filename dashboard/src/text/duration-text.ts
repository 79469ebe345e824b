const UNITS = [
  { ms: 86_400_000, name: 'd' },
  { ms: 3_600_000, name: 'h' },
  { ms: 60_000, name: 'min' },
  { ms: 1_000, name: 's' },
] as const;

/** From here on the next smaller unit is left out: `14 h`, but `1 h 20 min`. Seconds beside minutes tell nobody anything. */
const WORTH_TWO = 10;

/** A length of time in at most two units, cut and not rounded: `840 ms`, `12 s`, `9 min`, `1 h 20 min`. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const index = UNITS.findIndex((unit) => ms >= unit.ms);
  const unit = UNITS[index] ?? UNITS[3];
  const count = Math.floor(ms / unit.ms);
  const next = UNITS[index + 1];
  if (!next || next.name === 's' || count >= WORTH_TWO) return `${count} ${unit.name}`;
  const rest = Math.floor((ms - count * unit.ms) / next.ms);
  return rest === 0 ? `${count} ${unit.name}` : `${count} ${unit.name} ${rest} ${next.name}`;
}
