import { escapeIdentifier, escapeLiteral } from 'pg';

/** Settings of one PostgreSQL session by their server names; every value as the server reads it. */
export type SessionSettings = Readonly<Record<string, string>>;

/** Longest a hot statement runs. Far above any healthy one: it only ends what a broken server would hold forever. */
const HOT_STATEMENT_TIMEOUT_MS = 30_000;

/** When a hot statement that has got no answer at all is given up, and its connection with it; beyond the server's own timeout. */
export const HOT_DEADLINE_MS = HOT_STATEMENT_TIMEOUT_MS + 5_000;

/** Longest a control statement runs: within it the lease is renewed or known to be in danger. */
const CONTROL_STATEMENT_TIMEOUT_MS = 10_000;

/** When a control statement that has got no answer at all is given up, and its connection with it; beyond the server's own timeout. */
export const CONTROL_DEADLINE_MS = CONTROL_STATEMENT_TIMEOUT_MS + 2_000;

/** Longest a statement waits for a stranger's lock, on hot and control sessions alike. */
const LOCK_TIMEOUT_MS = 1_000;

/** A process that stalls within a transaction loses it, rather than hold its locks against all others. */
const IDLE_IN_TRANSACTION_MS = 10_000;

/** What every session of ours has, whatever the server, the database or the role set: the same meaning of names, times and snapshots. */
function commonSettings(schema: string): SessionSettings {
  return {
    search_path: escapeIdentifier(schema),
    TimeZone: 'UTC',
    default_transaction_isolation: 'read committed',
    // Our statements are short: compiling one costs more than running it.
    jit: 'off',
    idle_session_timeout: '0',
  };
}

/**
 * Sessions of hot statements. Their plans are made once and never guessed anew (force_generic_plan), and never turn into a table
 * scan when a batch or a table grows (enable_seqscan).
 */
export function hotSettings(schema: string): SessionSettings {
  return {
    ...commonSettings(schema),
    lock_timeout: String(LOCK_TIMEOUT_MS),
    statement_timeout: String(HOT_STATEMENT_TIMEOUT_MS),
    idle_in_transaction_session_timeout: String(IDLE_IN_TRANSACTION_MS),
    plan_cache_mode: 'force_generic_plan',
    enable_seqscan: 'off',
  };
}

/** Sessions of control statements: bounded, so that the lease is never stuck behind a slow one. */
export function controlSettings(schema: string): SessionSettings {
  return {
    ...commonSettings(schema),
    lock_timeout: String(LOCK_TIMEOUT_MS),
    statement_timeout: String(CONTROL_STATEMENT_TIMEOUT_MS),
    idle_in_transaction_session_timeout: String(IDLE_IN_TRANSACTION_MS),
  };
}

/**
 * Sessions that hold something for as long as they live. The server ends one that is silent for so long, in ms, 0 for never: a process that
 * is stopped, or a machine that is gone without a word, would hold it for ever.
 */
export function holdingSettings(schema: string, mostSilentMs: number): SessionSettings {
  return { ...controlSettings(schema), idle_session_timeout: String(mostSilentMs) };
}

/** Sessions of our TypeORM DataSource: ordinary reads, some of them long. */
export function ordinarySettings(schema: string): SessionSettings {
  return { ...commonSettings(schema), statement_timeout: String(HOT_STATEMENT_TIMEOUT_MS) };
}

/**
 * Longest a migration waits for a lock before it lets everybody pass and asks anew: whoever comes to the table after it waits behind it, and
 * those wait for `LOCK_TIMEOUT_MS` and no longer.
 */
const MIGRATION_LOCK_TIMEOUT_MS = LOCK_TIMEOUT_MS / 2;

/** Sessions that run migrations: they may take as long as they need, but wait for nobody's lock for long. */
export function migrationSettings(schema: string): SessionSettings {
  return {
    ...commonSettings(schema),
    statement_timeout: '0',
    lock_timeout: String(MIGRATION_LOCK_TIMEOUT_MS),
  };
}

/**
 * One statement that applies the settings to the session it runs in. A statement, and not the startup packet's `options`, because
 * poolers refuse those and because a URL may bring options of its own.
 * @param durability `durable`: a commit is on disk before it is answered, also where the server's default is otherwise; what the server
 *   asks beyond that (replicas) stays. `relaxed`: a commit is answered at once. `server`: left as it is
 */
export function settingsSql(settings: SessionSettings, durability: 'durable' | 'relaxed' | 'server'): string {
  const calls = Object.entries(settings).map(
    ([name, value]) => `set_config(${escapeLiteral(name)}, ${escapeLiteral(value)}, false)`,
  );
  if (durability === 'relaxed') calls.push(`set_config('synchronous_commit', 'off', false)`);
  if (durability === 'durable') {
    calls.push(
      `set_config('synchronous_commit', coalesce(nullif(current_setting('synchronous_commit'), 'off'), 'on'), false)`,
    );
  }
  return `SELECT ${calls.join(', ')}`;
}
