import { monotonicMs, type Clock } from '../../../kernel/clock.js';
import { lowestIdAt } from '../../../kernel/ids.js';
import {
  allQueues,
  DAY_MS,
  FIRST_DUE_PLACE,
  FIRST_ID,
  laneOf,
  offerTickets,
  readyDue,
  stage,
  type DuePlace,
  type Query,
  type StagedJob,
} from '../../job/index.js';
import type { Lane, Transport } from '../../transport/index.js';
import type { Duty } from '../duty.js';
import { DueLine, LONG_WINDOW_MS } from './due-line.js';
import { OldestTickets } from './oldest-tickets.js';

/** A job is offered at most this long after its time; on an idle system for 0.4 ms of the database's CPU a reading. */
const TICK_MS = 200;

/** Rows a queue and reading: read and offered in a few milliseconds. */
const PAGE = 1_000;

/** Between two sweeps for what is due and has no ticket: as often as the audit. */
const SWEEP_EVERY_MS = 10_000;

/** A queue whose tickets were refused is left alone for a while; the workers' look and the sweep find what was refused. */
const STALL_MS = 1_000;

/** A place after every row: nothing is read of a queue that is stalled. */
const NOWHERE: DuePlace = { dueAt: 'infinity', id: FIRST_ID };

/** What the stager works with. */
export interface StagerParts {
  readonly transport: Transport;
  /** The database's clock. */
  readonly clock: Clock;
  /** Of a connection on which statements are prepared: to plan the reading costs ten times as much as to run it. */
  readonly query: Query;
  /** Monotonic, in ms. */
  readonly elapsed?: () => number;
}

/** One queue's part of a sweep: its due jobs in due order, up to the latest time that can be judged. */
interface Sweep {
  readonly queue: string;
  readonly cutoffs: ReadonlyMap<Lane, number>;
  readonly untilMs: number;
  place: DuePlace;
}

/**
 * Offers tickets for jobs whose time has come, and writes nothing. It remembers its place in each queue; every 10 s it sweeps
 * through all due jobs for those that no ticket covers. Jobs of a paused queue are offered when it is resumed.
 */
export class Stager implements Duty {
  readonly name = 'stager';
  readonly everyMs = TICK_MS;
  private readonly elapsed: () => number;
  private readonly tickets: OldestTickets;
  private readonly lines = new Map<string, DueLine>();
  private readonly stalledUntil = new Map<string, number>();
  private sweeps: Sweep[] = [];
  private sweepAt = -Infinity;
  private from = FIRST_DUE_PLACE;

  constructor(private readonly parts: StagerParts) {
    this.elapsed = parts.elapsed ?? monotonicMs;
    this.tickets = new OldestTickets(parts.transport, parts.clock);
    parts.transport.onGap((queue) => this.stall(queue));
    this.begin();
  }

  begin(): void {
    this.lines.clear();
    this.stalledUntil.clear();
    this.tickets.forget();
    this.sweeps = [];
    this.sweepAt = -Infinity;
    // What has been due for longer may well have its ticket: that is for the sweep to judge.
    this.from = { dueAt: new Date(this.parts.clock.now() - LONG_WINDOW_MS).toISOString(), id: FIRST_ID };
  }

  async runOnce(): Promise<boolean> {
    // Without a transport an offer reaches nobody, and the workers read the table; the place is kept until then.
    if (!this.parts.transport.isAvailable) return false;
    const hasMore = await this.stage();
    await this.sweep();
    return hasMore;
  }

  /** How many ids are remembered so as not to be offered twice. */
  get remembered(): number {
    return [...this.lines.values()].reduce((sum, line) => sum + line.remembered, 0);
  }

  /** Offers the next page of every queue; true when one of them was full. */
  private async stage(): Promise<boolean> {
    const { clock, query } = this.parts;
    const stalled = this.stalledQueues();
    const places = new Map(
      [...this.lines].map(([queue, line]) => [queue, stalled.has(queue) ? NOWHERE : line.place]),
    );
    const below = lowestIdAt(clock.now() + DAY_MS);
    const { readMs, jobs } = await stage(query, places, { from: this.from.dueAt, below, limit: PAGE });
    let hasMore = false;
    for (const [queue, rows] of jobs) {
      if (stalled.has(queue)) continue;
      const isFull = rows.length === PAGE;
      this.offer(this.lineOf(queue).take(rows, isFull ? undefined : readMs));
      hasMore ||= isFull;
    }
    return hasMore;
  }

  private lineOf(queue: string): DueLine {
    const line = this.lines.get(queue) ?? new DueLine(this.from);
    this.lines.set(queue, line);
    return line;
  }

  /** Goes on with the sweep under way by a page of each queue, or begins one when it is time. */
  private async sweep(): Promise<void> {
    if (this.sweeps.length === 0) await this.beginSweep();
    const stalled = this.stalledQueues();
    for (const sweep of this.sweeps) {
      const rows = stalled.has(sweep.queue)
        ? []
        : await readyDue(this.parts.query, sweep.queue, sweep.place, sweep.untilMs, PAGE);
      this.offer(rows.filter((row) => row.dueMs <= (sweep.cutoffs.get(laneOf(row)) ?? -Infinity)));
      const last = rows.at(-1);
      if (rows.length === PAGE && last) sweep.place = { dueAt: last.dueAt, id: last.id };
      else this.sweeps = this.sweeps.filter((other) => other !== sweep);
    }
  }

  private async beginSweep(): Promise<void> {
    if (this.elapsed() < this.sweepAt) return;
    this.sweepAt = this.elapsed() + SWEEP_EVERY_MS;
    for (const { name, pausedAt } of await allQueues(this.parts.query)) {
      if (pausedAt !== null) continue;
      const cutoffs = await this.tickets.cutoffs(name);
      if (cutoffs.size === 0) continue;
      this.sweeps.push({
        queue: name,
        cutoffs,
        untilMs: Math.max(...cutoffs.values()),
        place: FIRST_DUE_PLACE,
      });
    }
  }

  private offer(jobs: readonly StagedJob[]): void {
    // Without their due times: offering leaves those that have one to the stager.
    offerTickets(
      this.parts.transport,
      jobs.map(({ id, queue, lane, attempt }) => ({ id, queue, lane, attempt })),
    );
    for (const job of jobs) this.tickets.offered(job.queue, laneOf(job), job.dueMs);
  }

  private stall(queue: string | undefined): void {
    const until = this.elapsed() + STALL_MS;
    for (const name of queue === undefined ? this.lines.keys() : [queue]) this.stalledUntil.set(name, until);
  }

  private stalledQueues(): Set<string> {
    const now = this.elapsed();
    for (const [queue, until] of this.stalledUntil) if (until <= now) this.stalledUntil.delete(queue);
    return new Set(this.stalledUntil.keys());
  }
}
