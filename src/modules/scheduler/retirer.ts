import { Logger } from '@nestjs/common';
import type { RookeryConfig } from '../../config/index.js';
import { formatDuration } from '../../kernel/durations.js';
import type { Retirement } from '../../kernel/retirement.js';
import { reasonOf, type Database } from '../database/index.js';
import { areQueuesFinished, controlQuery, isKeyFinished } from '../job/index.js';
import type { Transport } from '../transport/index.js';
import { pause } from './pause.js';

/** How often it looks whether the process is idle. */
const LOOK_EVERY_MS = 250;

/** How often it asks whether the batch is complete, should no `fin` have told it. */
const ASK_EVERY_MS = 5_000;

export interface RetirerParts {
  readonly retirement: Retirement;
  readonly database: Database;
  readonly transport: Transport;
  /** The queues whose batches are waited for. */
  readonly queues: readonly string[];
}

/**
 * Retires this process when nothing was to do for `retire.idleTimeout`, or when the batch of `retire.untilFin` is complete. The signal `fin`
 * only hurries: the table tells.
 */
export class Retirer {
  private readonly logger = new Logger('Retirement');
  private readonly stopper = new AbortController();
  private looking: Promise<void> | undefined;
  private since: Date | undefined;
  private askAtLook = true;

  constructor(
    private readonly settings: RookeryConfig['retire'],
    private readonly parts: RetirerParts,
  ) {}

  /** Begins to look. Idempotent; does nothing when neither setting is given. */
  start(): void {
    const { idleTimeoutMs, untilFin } = this.settings;
    if (idleTimeoutMs === null && untilFin === false) return;
    this.since ??= new Date(this.parts.database.clock.now());
    this.parts.retirement.begin();
    this.looking ??= this.look();
  }

  /** Ends the looking. Idempotent. */
  async stop(): Promise<void> {
    this.stopper.abort();
    await this.looking;
  }

  private async look(): Promise<void> {
    const { signal } = this.stopper;
    const unsubscribe = this.parts.transport.subscribe('fin', () => (this.askAtLook = true));
    try {
      for (let asksIn = 0; !signal.aborted; asksIn -= LOOK_EVERY_MS) {
        if (asksIn <= 0 || this.askAtLook) asksIn = ASK_EVERY_MS;
        const reason = await this.reason(asksIn === ASK_EVERY_MS);
        // It is this loop that a stop waits for, and the stop that the end of retiring asks for.
        if (reason !== undefined) return this.retire(reason);
        await pause(LOOK_EVERY_MS, signal);
      }
    } finally {
      unsubscribe();
    }
  }

  private retire(reason: string): void {
    this.logger.log(`${reason}: takes nothing more, and ends when all it holds is finished`);
    void this.parts.retirement.retire(reason);
  }

  private async reason(mayAsk: boolean): Promise<string | undefined> {
    const { idleTimeoutMs, untilFin } = this.settings;
    if (idleTimeoutMs !== null && this.parts.retirement.idleMs >= idleTimeoutMs)
      return `nothing to do for ${formatDuration(idleTimeoutMs)}`;
    if (untilFin === false || !mayAsk || !(await this.isFinished(untilFin))) return undefined;
    return untilFin === true ? 'the batch is complete' : `batch ${untilFin} is complete`;
  }

  private async isFinished(untilFin: string | true): Promise<boolean> {
    const { database, queues } = this.parts;
    const query = controlQuery(database.control);
    const since = this.since ?? new Date(database.clock.now());
    this.askAtLook = false;
    try {
      return untilFin === true
        ? await areQueuesFinished(query, queues, since)
        : await isKeyFinished(query, { key: untilFin, queues, since });
    } catch (error) {
      this.logger.debug(`cannot ask for the batch: ${reasonOf(error)}; asks again`);
      return false;
    }
  }
}
