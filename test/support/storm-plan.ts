/** What a storm kills. */
export const TARGETS = [
  'job',
  'status',
  'scheduler',
  'worker one',
  'worker two',
  'nats',
  'postgres',
] as const;
export type Target = (typeof TARGETS)[number];

/** One fault: what is killed, when, and how long it stays away at least. */
export interface Fault {
  readonly atMs: number;
  readonly target: Target;
  readonly downMs: number;
}

/** Faults begin when work is under way. */
const FIRST_MS = 1_000;
/** Between two faults. Far enough apart that processes come back between most of them, so near that some meet. */
const GAP_MS = { least: 500, most: 2_800 };
const DOWN_MS = { least: 100, most: 2_500 };

/** The faults of a storm of so many seconds, in order; the same for the same seed. Each round kills everything once, in an order of its own. */
export function stormPlan(seed: number, seconds: number): Fault[] {
  const random = randomFrom(seed);
  const between = ({ least, most }: { least: number; most: number }): number =>
    Math.round(least + random() * (most - least));
  const faults: Fault[] = [];
  let round: Target[] = [];
  for (let atMs = FIRST_MS; atMs < seconds * 1_000; atMs += between(GAP_MS)) {
    if (round.length === 0) round = [...TARGETS];
    const [target] = round.splice(Math.floor(random() * round.length), 1);
    if (target) faults.push({ atMs, target, downMs: between(DOWN_MS) });
  }
  return faults;
}

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
