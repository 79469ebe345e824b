import { Logger } from '@nestjs/common';
import type { Clock } from '../../kernel/clock.js';
import type { Json } from '../../kernel/json.js';
import { reasonOf, type Database, type HotConnection } from '../database/index.js';
import { MOST_LOG_LINES, appendLog, hotQuery, showProgress, type LogLine } from '../job/index.js';
import type { Run } from './run.js';
import { storableText } from './storable-text.js';

/** Progress is stored at most this often a job, and log lines wait at most this long. */
const FLUSH_MS = 1_000;
/** In characters. */
const LONGEST_NOTE = 200;
const MOST_LINE_BYTES = 8_192;
/** Lines one statement takes, and lines kept while the database is away. */
const LINES_A_STATEMENT = 500;
const MOST_WAITING_LINES = 10_000;

/**
 * What handlers say while they run: progress and log lines. Written in batches, not durably and not repeated: a note that is
 * lost harms nothing, and notes must never delay a job.
 */
export class RunNotes {
  private readonly logger = new Logger('RunNotes');
  private readonly connection: HotConnection;
  private readonly reports = new Map<Run, Json>();
  private lines: LogLine[] = [];
  private timer: NodeJS.Timeout | undefined;
  private flushing: Promise<void> = Promise.resolve();

  constructor(
    database: Database,
    private readonly clock: Clock,
  ) {
    this.connection = database.hot('notes', { durable: false });
  }

  /** Keeps the run's latest progress for the next flush. */
  progress(run: Run, fraction: number, note: string | undefined): void {
    this.reports.set(run, {
      fraction,
      ...(note !== undefined && { note: storableText(note.slice(0, LONGEST_NOTE), 3 * LONGEST_NOTE) }),
    });
    this.schedule();
  }

  /** Keeps a line for the next flush; the statement drops what a job has beyond 1,000, and no run can have more. */
  log(run: Run, message: string): void {
    if (run.lines >= MOST_LOG_LINES || this.lines.length >= MOST_WAITING_LINES) return;
    run.lines++;
    this.lines.push({
      jobId: run.job.id,
      run: run.job.run,
      line: run.lines,
      at: new Date(this.clock.now()),
      message: storableText(String(message), MOST_LINE_BYTES),
    });
    this.schedule();
  }

  /** Writes what is waiting, then nothing more on its own. */
  async close(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.flush();
  }

  private schedule(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.flush();
    }, FLUSH_MS);
  }

  private flush(): Promise<void> {
    this.flushing = this.flushing.then(() => this.write());
    return this.flushing;
  }

  private async write(): Promise<void> {
    const query = hotQuery(this.connection);
    const reports = [...this.reports];
    this.reports.clear();
    const { lines } = this;
    this.lines = [];
    try {
      for (const workerId of new Set(reports.map(([run]) => run.workerId))) {
        const own = reports.filter(([run]) => run.workerId === workerId);
        await showProgress(
          query,
          workerId,
          own.map(([run, progress]) => ({ id: run.job.id, run: run.job.run, progress })),
        );
      }
      for (let at = 0; at < lines.length; at += LINES_A_STATEMENT) {
        await appendLog(query, lines.slice(at, at + LINES_A_STATEMENT));
      }
    } catch (error) {
      this.logger.warn(
        `progress and log lines of ${reports.length + lines.length} calls are lost: ${reasonOf(error)}`,
      );
    }
  }
}
