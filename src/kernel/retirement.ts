import { monotonicMs } from './clock.js';

/** A part of the process that works for as long as there is work. */
export interface Occupation {
  /** True while something it took is not finished. */
  readonly isBusy: boolean;
  /** When it last took something, monotonic, in ms; undefined when it never did. */
  readonly lastTookAt: number | undefined;
  /** Takes nothing more; resolves when all it has is finished. Idempotent. */
  drain(): Promise<void>;
}

/**
 * Ends a process that has nothing more to do: first it takes nothing more and finishes what it holds, then whoever owns the process is
 * told, and stops it. Nothing here ends a process by itself.
 */
export class Retirement {
  private readonly occupations: Occupation[] = [];
  private readonly listeners: ((reason: string) => void)[] = [];
  private startedAt = monotonicMs();
  private retiring: Promise<void> | undefined;
  private retiredBecause: string | undefined;

  register(occupation: Occupation): void {
    this.occupations.push(occupation);
  }

  /** Counts idleness from now on: a boot that takes long is no idleness. */
  begin(): void {
    this.startedAt = monotonicMs();
  }

  /** Calls back, once, when everything is drained and the process may end; at once when that is so already. */
  onRetired(listener: (reason: string) => void): void {
    this.listeners.push(listener);
    if (this.retiredBecause !== undefined) listener(this.retiredBecause);
  }

  /** True from the first call of `retire`. */
  get isRetiring(): boolean {
    return this.retiring !== undefined;
  }

  /** For how long nothing has been taken, in ms; 0 while anything is at work. */
  get idleMs(): number {
    if (this.occupations.some(({ isBusy }) => isBusy)) return 0;
    const lastTook = this.occupations.flatMap(({ lastTookAt }) => lastTookAt ?? []);
    return monotonicMs() - Math.max(this.startedAt, ...lastTook);
  }

  /** Drains every part and then tells the owner why. A second call waits for the first. */
  retire(reason: string): Promise<void> {
    this.retiring ??= Promise.all(this.occupations.map((occupation) => occupation.drain())).then(() => {
      this.retiredBecause = reason;
      for (const listener of this.listeners) listener(reason);
    });
    return this.retiring;
  }
}
