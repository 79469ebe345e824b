import { defineConfig } from '../src/config/index.js';
import { Database } from '../src/modules/database/index.js';
import { Partitions } from '../src/modules/job/index.js';
import { controlStep } from '../src/modules/scheduler/control-step.js';
import { Auditor } from '../src/modules/scheduler/duties/auditor.js';
import { Pruner } from '../src/modules/scheduler/duties/pruner.js';
import { TableOnlyTransport } from '../src/modules/transport/table-only/table-only-transport.js';

/** Duties driven round by round, on a database of their own. */
export interface DrivenDuties {
  now(): number;
  makeDay(day: number): Promise<void>;
  audit(): Promise<void>;
  /** True while the auditor has rows to pass. */
  isBehind(): Promise<boolean>;
  prune(): Promise<void>;
  close(): Promise<void>;
}

const silent = { log: (): void => undefined, warn: (): void => undefined };

export async function openDuties(url: string): Promise<DrivenDuties> {
  const config = defineConfig({ database: { url } }, {});
  const database = new Database({ settings: { ...config.database, url }, log: silent });
  await database.open();
  const step = controlStep(database.control);
  const auditor = new Auditor({ transport: new TableOnlyTransport(), config, clock: database.clock });
  auditor.begin();
  const connect = () => database.dedicated('pruner');
  const pruner = new Pruner({ retention: config.retention, log: silent, connect });
  pruner.begin();
  return {
    now: () => database.clock.now(),
    makeDay: (day) => new Partitions(database).ensure(day),
    audit: async () => void (await auditor.runOnce(step)),
    isBehind: async () => {
      const [row] = await database.control.query<{ isBehind: boolean }>(
        `SELECT EXISTS (SELECT FROM queue q CROSS JOIN LATERAL (
           SELECT FROM job j WHERE (j.queue, j.id) > (q.name, q.watermark) AND (j.queue, j.id) <= (q.name, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid) LIMIT 1) AS above) AS "isBehind"`,
      );
      return row?.isBehind ?? false;
    },
    prune: async () => {
      while (await pruner.runOnce(step));
    },
    close: () => database.close(),
  };
}
