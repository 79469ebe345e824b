import type { PoolConfig } from 'pg';
import { type ClientOptions, queryWithin, sessionConfig } from './open-client.js';

/** Longest wait for a free session or a new one: the caller hears of a stuck pool before its own patience ends. */
const CHECKOUT_TIMEOUT_MS = 5_000;

/** Longest wait for the settings of a new session to be answered. */
const SETUP_DEADLINE_MS = 5_000;

/**
 * What a pool of ours is made with: its sessions are set up before their first use, and one that breaks, at any time, cannot crash
 * the process.
 */
export function poolConfig(options: ClientOptions, max: number): PoolConfig {
  return {
    ...sessionConfig(options.connection, options.name),
    max,
    connectionTimeoutMillis: CHECKOUT_TIMEOUT_MS,
    verify: (client, done) => {
      // The pool itself listens only while a session is idle; this one listener stays for good.
      client.on('error', () => undefined);
      queryWithin(client, SETUP_DEADLINE_MS, options.setupSql).then(() => done(), done);
    },
  };
}
