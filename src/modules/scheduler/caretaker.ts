import { reasonOf, type Database, type DedicatedConnection } from '../database/index.js';
import { controlStep } from './control-step.js';
import type { Duty, DutyLog, Step } from './duty.js';
import { runDuty } from './duty-loop.js';
import { pause } from './pause.js';
import { Turns } from './turns.js';

/** Between two tries for the duties others hold, each of which also proves that the connection lives. */
const TRY_EVERY_MS = 3_000;

/** Before a session that broke is replaced, and between two tries while there is none. */
const RECONNECT_MS = 1_000;

/** A connection that does not answer for this long is given up: the server may have ended its session, and another process holds the locks. */
const ANSWER_MS = 5_000;

/**
 * The server ends a session that is silent for this long, so that a process that is stopped, or gone without a word, does not keep its duties
 * from all others. One that lives asks every `TRY_EVERY_MS`, and has given up before this when it gets no answer.
 */
const MOST_SILENT_MS = 15_000;

/** Takes those of the duties $1 in schema $2 that nobody holds. The locks live as long as the session and are the database's own. */
const TAKE = `SELECT name FROM unnest($1::text[]) AS duty(name)
  WHERE pg_try_advisory_lock(hashtextextended('rookery:duty:' || $2 || ':' || name, 0))`;

/** One holding: the session that has the locks, and the duties done under it. */
interface Holding {
  readonly connection: DedicatedConnection;
  readonly aborter: AbortController;
  readonly running: Map<string, Promise<void>>;
}

/**
 * Does those of the duties that this process holds. A duty is held by a session lock, so that one process does it at a time; whoever
 * holds none tries every few seconds. When the session breaks, its duties stop at once and are taken anew, here or elsewhere.
 */
export class Caretaker {
  private readonly stopper = new AbortController();
  /** One step at a time: all duties together take one session of the control pool. */
  private readonly turns = new Turns();
  private readonly inTransaction: Step;
  private holding: Holding | undefined;
  private ended: Promise<void> | undefined;
  private isAwayLogged = false;

  constructor(
    private readonly database: Database,
    private readonly duties: readonly Duty[],
    private readonly log: DutyLog,
  ) {
    this.inTransaction = controlStep(database.control);
  }

  /** Begins to try for the duties, and to do those it gets. Idempotent. */
  start(): void {
    this.ended ??= this.serve();
  }

  /** Ends every duty after its step under way, and lets another process have them. Idempotent. */
  async stop(): Promise<void> {
    this.stopper.abort();
    await this.ended;
  }

  /** The names of all duties. */
  get names(): readonly string[] {
    return this.duties.map((duty) => duty.name);
  }

  /** The names of the duties this process does now. */
  get held(): readonly string[] {
    return [...(this.holding?.running.keys() ?? [])];
  }

  private async serve(): Promise<void> {
    const { signal } = this.stopper;
    while (!signal.aborted) {
      try {
        await this.hold(await this.database.dedicated('duties', { mostSilentMs: MOST_SILENT_MS }));
      } catch (error) {
        this.logAway(error);
      }
      await pause(RECONNECT_MS, signal);
    }
  }

  /** Holds duties on this session until it breaks, or until the end. */
  private async hold(connection: DedicatedConnection): Promise<void> {
    const aborter = new AbortController();
    const holding: Holding = { connection, aborter, running: new Map() };
    const end = (): void => aborter.abort();
    this.holding = holding;
    this.stopper.signal.addEventListener('abort', end);
    connection.onBroken(end);
    if (this.stopper.signal.aborted) end();
    try {
      while (!aborter.signal.aborted) {
        await this.takeFree(holding);
        await pause(TRY_EVERY_MS, aborter.signal);
      }
    } finally {
      end();
      this.stopper.signal.removeEventListener('abort', end);
      await Promise.all(holding.running.values());
      this.holding = undefined;
      await connection.close();
    }
  }

  /** Takes the duties nobody holds; asks the server even when there is none left to take, to know that the session lives. */
  private async takeFree({ connection, aborter, running }: Holding): Promise<void> {
    const wanted = this.duties.filter((duty) => !running.has(duty.name));
    const names = wanted.map((duty) => duty.name);
    const rows = await answered(connection.query<{ name: string }>(TAKE, [names, this.database.schema]));
    this.isAwayLogged = false;
    const taken = new Set(rows.map((row) => row.name));
    const step: Step = (work) =>
      this.turns.take(async () => {
        aborter.signal.throwIfAborted();
        return this.inTransaction(work);
      });
    for (const duty of wanted) {
      if (!taken.has(duty.name) || aborter.signal.aborted) continue;
      running.set(duty.name, runDuty(duty, step, aborter.signal, this.log));
    }
    if (taken.size > 0) this.log.log(`holds the duties ${[...running.keys()].join(', ')}`);
  }

  private logAway(error: unknown): void {
    if (this.isAwayLogged || this.stopper.signal.aborted) return;
    this.isAwayLogged = true;
    this.log.warn(`the duties wait for the database: ${reasonOf(error)}`);
  }
}

async function answered<Result>(answer: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS);
  });
  try {
    return await Promise.race([answer, silence]);
  } finally {
    clearTimeout(timer);
  }
}
