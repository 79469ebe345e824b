import type { ControlPool } from '../database/index.js';
import { controlQuery } from '../job/index.js';
import type { Step } from './duty.js';

/**
 * Longest statement of a step, and longest wait for a lock in it. No table scan instead of an index: a plan must not change
 * when a partition grows.
 */
const BOUNDS = `SELECT set_config('statement_timeout', '1000', true), set_config('lock_timeout', '500', true),
       set_config('enable_seqscan', 'off', true)`;

/** Steps on the control pool, each a transaction whose statements end within a second. */
export function controlStep(control: ControlPool): Step {
  return (work) =>
    control.transaction(async (queries) => {
      await queries.query(BOUNDS);
      return work(controlQuery(queries));
    });
}
