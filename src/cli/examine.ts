import type {
  AttentionAnswer,
  DiagnosisAnswer,
  QueueAnswer,
  SlotsAnswer,
  WorkerAnswer,
} from './api-answers.js';

/** What one check came to. */
export interface Finding {
  readonly check: 'version' | 'health' | 'clock' | 'schema' | 'attention' | 'tickets';
  readonly verdict: 'ok' | 'warning' | 'problem';
  readonly text: string;
  readonly remedy?: string;
}

/** What the checks go by. */
export interface Facts {
  readonly cliVersion: string;
  /** This machine's clock when the server told its own, in ms since the epoch. */
  readonly hereMs: number;
  readonly diagnosis: DiagnosisAnswer;
  readonly attention: readonly AttentionAnswer[];
  readonly queues: readonly QueueAnswer[];
  readonly workers: readonly WorkerAnswer[];
}

/** Clocks that differ by more confuse people; jobs are due by the database's alone. */
const CLOCKS_APART_MS = 2_000;
/** A job that could have run for longer, with a slot free for it, has lost its ticket: the auditor finds those within two rounds. */
const TICKET_LOST_MS = 150_000;

/** Every check in turn; those that find several things tell each. */
export function examine(facts: Facts): Finding[] {
  return [
    ofVersion(facts),
    ...ofHealth(facts),
    ...ofClocks(facts),
    ofSchema(facts),
    ...ofAttention(facts),
    ...ofTickets(facts),
  ];
}

function ofVersion({ cliVersion, diagnosis: { version, node, database } }: Facts): Finding {
  const text = `Rookery ${version}, Node ${node}, PostgreSQL ${database.version}${database.embedded ? ' (embedded)' : ''}`;
  if (cliVersion === version) return { check: 'version', verdict: 'ok', text };
  return {
    check: 'version',
    verdict: 'warning',
    text: `${text}; this command line is ${cliVersion}`,
    remedy: 'use the command line of the version that the server has',
  };
}

function ofHealth({ diagnosis: { parts } }: Facts): Finding[] {
  const down = Object.entries(parts).filter(([, part]) => !part.isLive || !part.isReady);
  if (down.length > 0) {
    return down.map(([name, { isLive, detail }]) => ({
      check: 'health',
      verdict: 'problem',
      text: `${name}: ${detail}`,
      remedy: isLive ? 'requests should go to another process until it is ready' : 'restart the process',
    }));
  }
  const told = Object.entries(parts).map(([name, { detail }]) => `${name} ${detail}`);
  return [{ check: 'health', verdict: 'ok', text: told.join(', ') }];
}

function ofClocks({ hereMs, diagnosis: { at, clockOffsetMs } }: Facts): Finding[] {
  const aheadMs = Math.round(Date.parse(at) - hereMs);
  const findings: Finding[] = [];
  if (Math.abs(aheadMs) > CLOCKS_APART_MS)
    findings.push(apart(`the server's clock is ${aheadMs / 1000} s ahead of this machine's`));
  if (Math.abs(clockOffsetMs) > CLOCKS_APART_MS)
    findings.push(apart(`the database's clock is ${clockOffsetMs / 1000} s ahead of the server's`));
  if (findings.length > 0) return findings;
  return [{ check: 'clock', verdict: 'ok', text: 'this machine, the server and the database agree' }];
}

function apart(text: string): Finding {
  return {
    check: 'clock',
    verdict: 'warning',
    text,
    remedy: "set them by NTP; jobs are due by the database's clock",
  };
}

function ofSchema({ diagnosis: { database } }: Facts): Finding {
  const { pendingMigrations: pending, unknownMigrations: unknown } = database;
  if (unknown.length > 0) {
    return {
      check: 'schema',
      verdict: 'problem',
      text: `a newer Rookery has added ${unknown.join(', ')}`,
      remedy: 'bring every process to that version; this one cannot start again',
    };
  }
  if (pending.length > 0) {
    return {
      check: 'schema',
      verdict: 'problem',
      text: `it lacks ${pending.join(', ')}`,
      remedy: 'restart a process of this version, which adds what is missing',
    };
  }
  return { check: 'schema', verdict: 'ok', text: 'as this version has it' };
}

function ofAttention({ attention }: Facts): Finding[] {
  if (attention.length === 0) return [{ check: 'attention', verdict: 'ok', text: 'nothing needs any' }];
  return attention.map(({ severity, title, detail }) => ({
    check: 'attention',
    verdict: severity === 'critical' ? 'problem' : 'warning',
    text: title,
    remedy: detail,
  }));
}

function ofTickets({ attention, queues, workers }: Facts): Finding[] {
  // There a job may be as old because nobody runs its type, which is told already.
  const unserved = new Set(
    attention.filter(({ code }) => code === 'unserved_type').map(({ queue }) => queue),
  );
  const held = queues.filter(
    ({ name, paused, oldestWaitingMs }) =>
      !paused &&
      !unserved.has(name) &&
      (oldestWaitingMs ?? 0) > TICKET_LOST_MS &&
      hasRoom(slotsOf(workers, name)),
  );
  if (held.length === 0)
    return [{ check: 'tickets', verdict: 'ok', text: 'no job waits while a slot for it is free' }];
  return held.map(({ name, oldestWaitingMs }) => ({
    check: 'tickets',
    verdict: 'problem',
    text: `a job of ${name} waits for ${Math.round((oldestWaitingMs ?? 0) / 1000)} s, though a worker has a slot free for it`,
    remedy: 'its ticket is lost, and nobody offers it anew: look whether a scheduler runs',
  }));
}

/** The slots for a queue, of each worker that takes jobs of it. */
function slotsOf(workers: readonly WorkerAnswer[], queue: string): SlotsAnswer[] {
  return workers.flatMap(({ draining, slotsByQueue }) => {
    const slots = slotsByQueue[queue];
    return draining || slots === undefined ? [] : [slots];
  });
}

/** True when a slot of either kind is free: the oldest job may be a fresh one or one that runs again. */
function hasRoom(slots: readonly SlotsAnswer[]): boolean {
  const isFreshFree = slots.some(({ busy, concurrency }) => busy < concurrency);
  const isRetryFree = slots.some(({ retryBusy, retryConcurrency }) => retryBusy < retryConcurrency);
  return isFreshFree && isRetryFree;
}
