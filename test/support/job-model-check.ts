import fc from 'fast-check';
import { commands, type Met } from './job-commands.js';
import { JobModel } from './job-orders.js';
import { JobWorld, type Protocol } from './job-world.js';

/** Longest row of commands: long enough that a job is run, lost, canceled and retried several times over. */
const MOST_COMMANDS = 60;

/** How a model check goes. */
export interface ModelCheck {
  /** Rows of commands. */
  readonly runs: number;
  /** As a failure printed it: `seed`, or `seed path replayPath` for the smallest row that failed. */
  readonly seed?: string | undefined;
  /** What a control does in another way. */
  readonly broken?: Partial<Protocol>;
}

/** Lets rows of commands run on a database and on the model. Rejects with the smallest row in which the two differ, and how to repeat it. */
export async function checkModel({ runs, seed, broken }: ModelCheck): Promise<Met> {
  const world = await JobWorld.open(broken);
  const met: Met = new Map();
  const [first, path, replayPath] = seed?.split(' ') ?? [];
  try {
    const rows = fc.commands(commands(met), {
      maxCommands: MOST_COMMANDS,
      size: 'max',
      ...(replayPath !== undefined && { replayPath }),
    });
    const details = await fc.check(
      fc.asyncProperty(rows, (row) => fc.asyncModelRun(() => begin(world), row)),
      {
        numRuns: runs,
        // A control has shown what it is to show with the first row that fails.
        endOnFailure: broken !== undefined,
        ...(first !== undefined && { seed: Number(first) }),
        ...(path !== undefined && { path }),
      },
    );
    if (details.failed) throw new Error(reportOf(details), { cause: details.errorInstance });
    return met;
  } finally {
    await world.close();
  }
}

async function begin(world: JobWorld): Promise<{ model: JobModel; real: JobWorld }> {
  const workers = [0, 1, 2].map(() => ({ id: world.newId('fresh'), isLost: false, isStopped: false }));
  await world.begin(workers.map(({ id }) => id));
  return { model: new JobModel(workers, (birth) => world.newId(birth)), real: world };
}

function reportOf<Row>(details: fc.RunDetails<[Row]>): string {
  const row = String(details.counterexample?.[0]);
  const [, replayPath = ''] = /replayPath="([^"]*)"/.exec(row) ?? [];
  const { seed, counterexamplePath, errorInstance, numRuns } = details;
  return [
    `after ${numRuns} rows: ${errorInstance instanceof Error ? errorInstance.message : String(errorInstance)}`,
    `the row that differs: ${row}`,
    `MODEL_SEED='${seed} ${counterexamplePath} ${replayPath}' repeats it; what races may take several tries`,
  ].join('\n');
}
