import { setTimeout as delay } from 'node:timers/promises';

/** Between two questions whether all is recorded. What is asked costs the server, and the end is seen half of this late on average. */
const ASK_AGAIN_MS = 50;

/** Longest wait for the outcomes of jobs that have all started. */
const RECORDED_WITHIN_MS = 60_000;

/** Where the servers of a comparison are; each run has a database of its own, and Redis empty. */
export interface Place {
  readonly postgresUrl: string;
  readonly redisPort: number;
  readonly natsUrl: string;
}

/** Asks a store how many jobs it has whose outcome is not recorded. It may count some of them only, but never none while there are some. */
export interface Question {
  left(): Promise<number>;
  close(): Promise<void>;
}

/** Submits no-op jobs, each with a number; what it awaits is as durable as that platform makes it. */
export interface Submitter {
  enqueue(n: number): Promise<void>;
  enqueueMany(numbers: readonly number[]): Promise<void>;
  stop(): Promise<void>;
}

/** Takes nothing before it begins; a stop ends when the outcomes of the jobs that ran are recorded. */
export interface ReadyWorker {
  /** Takes jobs from now on. */
  begin(): Promise<void>;
  stop(): Promise<void>;
}

export interface WorkerSettings {
  readonly concurrency: number;
  readonly onStart: (n: number) => void;
}

/** A job platform under comparison, with the settings that were best for it here, of those its own documentation names. */
export interface Peer {
  readonly name: string;
  /** The package whose version is told with the figures; none for Rookery, which is the one that is measured. */
  readonly packageName?: string;
  /** What it was set to, for whoever reads the figures. */
  readonly settings: string;
  /** Makes its tables, where it has any, in a fresh place. */
  prepare(place: Place): Promise<void>;
  submit(place: Place): Promise<Submitter>;
  /** Connects a worker that has yet to begin. */
  readyWorker(place: Place, settings: WorkerSettings): Promise<ReadyWorker>;
  /** Submitter and worker in one process, one after the other or as one; absent where they are services. */
  readyBoth?(place: Place, settings: WorkerSettings): Promise<Submitter & ReadyWorker>;
  /** True where the platform is made to submit and work in one process at the same time; others do that faster in two. */
  readonly isOneProcess: boolean;
  /** Opens a question to its store that can be asked again and again. */
  openQuestion(place: Place): Promise<Question>;
  /** Throws unless its store says that all of `expected` jobs have succeeded and nothing is left to do. */
  assertDone(place: Place, expected: number): Promise<void>;
  /** Throws unless its store holds exactly `expected` jobs that wait. */
  assertWaiting(place: Place, expected: number): Promise<void>;
}

/** A submitter and a worker of this process as one. */
export function joined(submitter: Submitter, worker: ReadyWorker): Submitter & ReadyWorker {
  return {
    enqueue: (n) => submitter.enqueue(n),
    enqueueMany: (numbers) => submitter.enqueueMany(numbers),
    begin: () => worker.begin(),
    async stop() {
      await submitter.stop();
      await worker.stop();
    },
  };
}

/** Resolves when the outcome of every job is recorded. Rejects when that takes too long. */
export async function recorded(question: Question): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    const left = await question.left();
    if (left === 0) return;
    if (performance.now() - startedAt > RECORDED_WITHIN_MS)
      throw new Error(
        `${left} outcomes were not recorded within ${RECORDED_WITHIN_MS / 1_000} s of the last start`,
      );
    await delay(ASK_AGAIN_MS);
  }
}

/** Throws when a store holds something else than it should. */
export function assertCount(what: string, found: number, expected: number): void {
  if (found !== expected) throw new Error(`${what}: expected ${expected}, found ${found}`);
}
