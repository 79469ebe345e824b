import type { Peer, Place } from '../peer.js';

export interface Round {
  /** The peer's name on the command line, for its worker processes. */
  readonly key: string;
  readonly peer: Peer;
  readonly place: Place;
  readonly concurrency: number;
}

/** One thing to compare; `measure` answers one value a figure and throws when a job was lost or ran twice. */
export interface Comparison {
  readonly name: string;
  readonly units: Readonly<Record<string, string>>;
  /** The figure that the ratios are made of, and whether more of it is better. */
  readonly ratio: { readonly figure: string; readonly isMoreBetter: boolean };
  measure(round: Round): Promise<Record<string, number>>;
}

/** `count` numbers from `from`. */
export function numbersFrom(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => from + index);
}

export const RATE = {
  units: { rate: 'jobs/s' },
  ratio: { figure: 'rate', isMoreBetter: true },
} as const;
