import { readFileSync, readdirSync } from 'node:fs';
import { Client } from 'pg';

/** What the server has spent up to a moment. */
interface Reading {
  readonly cpuMs: number;
  readonly walBytes: number;
  readonly inserted: number;
  readonly updated: number;
  readonly hot: number;
  readonly indexBytes: number;
}

/** What a stretch of work cost the server. */
export interface PostgresCost {
  readonly cpuMs: number;
  readonly walBytes: number;
  /** Share of the updates of job partitions that touched no index, 0…1; NaN without updates. */
  readonly hotShare: number;
  /** Growth of the indexes of the job partitions. */
  readonly indexBytes: number;
}

/** Clock ticks of /proc are 1/100 s on every Linux. */
const TICK_MS = 10;

/** Reads what the server of a database spends; CPU from /proc, so only of a server on this machine. */
export class PostgresMeter {
  private constructor(
    private readonly client: Client,
    private readonly postmasterPid: number,
  ) {}

  static async open(url: string, postmasterPid: number): Promise<PostgresMeter> {
    const client = new Client({ connectionString: url });
    await client.connect();
    return new PostgresMeter(client, postmasterPid);
  }

  /** Runs `work` and answers what it answered, with what the server spent meanwhile. */
  async during<Result>(work: () => Promise<Result>): Promise<{ result: Result; cost: PostgresCost }> {
    const before = await this.read();
    const result = await work();
    const after = await this.read();
    return {
      result,
      cost: {
        cpuMs: after.cpuMs - before.cpuMs,
        walBytes: after.walBytes - before.walBytes,
        hotShare: (after.hot - before.hot) / (after.updated - before.updated),
        indexBytes: after.indexBytes - before.indexBytes,
      },
    };
  }

  /** A full page image a page after each checkpoint would blur the WAL figure: start from one. */
  async checkpoint(): Promise<void> {
    await this.client.query('CHECKPOINT');
  }

  async query<Row extends object>(text: string): Promise<Row[]> {
    return (await this.client.query(text)).rows as Row[];
  }

  async close(): Promise<void> {
    await this.client.end();
  }

  private async read(): Promise<Reading> {
    // Sessions report their statistics within a second of being idle.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const [row] = await this.query<Omit<Reading, 'cpuMs'>>(
      `SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS "walBytes", coalesce(sum(n_tup_ins), 0)::float8 AS inserted,
              coalesce(sum(n_tup_upd), 0)::float8 AS updated, coalesce(sum(n_tup_hot_upd), 0)::float8 AS hot,
              coalesce(sum(pg_indexes_size(relid)), 0)::float8 AS "indexBytes"
         FROM pg_stat_user_tables WHERE relname ~ '^job_[0-9]{8}$'`,
    );
    if (!row) throw new Error('no statistics');
    return { cpuMs: this.cpuMs(), ...row };
  }

  /** CPU of the postmaster and its children; sessions that ended are counted by the postmaster, which reaps them. */
  private cpuMs(): number {
    let ticks = ticksOf(this.postmasterPid, true)?.ticks ?? 0;
    for (const entry of readdirSync('/proc')) {
      const stat = /^\d+$/.test(entry) ? ticksOf(Number(entry), false) : undefined;
      if (stat?.parent === this.postmasterPid) ticks += stat.ticks;
    }
    return ticks * TICK_MS;
  }
}

function ticksOf(pid: number, withReaped: boolean): { parent: number; ticks: number } | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const at = (index: number): number => fields[index] ?? 0;
  return { parent: at(1), ticks: at(11) + at(12) + (withReaped ? at(13) + at(14) : 0) };
}
