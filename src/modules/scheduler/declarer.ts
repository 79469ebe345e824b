import { Logger } from '@nestjs/common';
import type { Database } from '../database/index.js';
import { controlQuery } from '../job/index.js';
import { declareSchedules, orphanSchedules } from './schedule.repository.js';

/** How often a process says which schedules its code has: several times before anybody takes one to be nobody's. */
const DECLARE_EVERY_MS = 30_000;

/** Longest pause between two times of saying so that still counts as no break: room for tries that failed. */
const LONGEST_BREAK_MS = 60_000;

/** For how long nobody has said that he has a schedule which is then taken to be nobody's. */
const ORPHANED_AFTER_MS = 120_000;

/**
 * Says which schedules the code of this process has, and marks those that nobody's code has any more. It takes the silence of others for
 * granted only after it has itself spoken without a break for as long: while nothing ran, or the database was away, nobody could say anything.
 */
export class Declarer {
  private readonly logger = new Logger('Schedules');
  /** By the database's clock, which the silence is measured by: a machine that slept sees a break too. */
  private saidAt = -Infinity;
  private unbrokenSince = Infinity;

  /** @param names the schedules of this process's code */
  constructor(
    private readonly database: Database,
    private readonly names: readonly string[],
  ) {}

  /** Says so again when it is time. Rejects with what the database says, and says so at the next call then. */
  async run(): Promise<void> {
    const now = this.database.clock.now();
    const silentMs = Math.abs(now - this.saidAt);
    if (silentMs < DECLARE_EVERY_MS) return;
    const query = controlQuery(this.database.control);
    await declareSchedules(query, this.names);
    if (silentMs > LONGEST_BREAK_MS) this.unbrokenSince = now;
    this.saidAt = now;
    if (now - this.unbrokenSince < ORPHANED_AFTER_MS) return;
    for (const name of await orphanSchedules(query, this.names, ORPHANED_AFTER_MS))
      this.logger.warn(`schedule ${name} is in nobody's code any more: it does not fire`);
  }
}
