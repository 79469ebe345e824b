import { Batcher } from '../../kernel/batcher.js';
import type { Metrics } from '../../kernel/metrics.js';
import { isItemFault, isTransient, type Database, type HotConnection } from '../database/index.js';
import {
  LONGEST_RUN_OF_JOBS,
  claim,
  claimedBy,
  foreignAmong,
  held,
  hotQuery,
  observeBatches,
  type ClaimedJob,
} from '../job/index.js';
import type { HeldRuns } from './held-runs.js';
import type { LeaseKeeper } from './lease-keeper.js';

interface ClaimRequest {
  readonly ids: readonly string[];
  readonly workerId: string;
  /** Whether jobs of the retry lane are meant: those of a fresh lane may have failed since, and are then not for a fresh job's slot. */
  readonly areRetries: boolean;
}

/**
 * Claims jobs by group commit. A claim through a fresh ticket is not waited for on disk: losing it to a crash of the server only
 * makes the job waiting again. Other claims are durable, so that a job which brings its process or the server down is charged.
 */
export class Claimer {
  private readonly quick: Batcher<ClaimRequest, ClaimedJob[]>;
  private readonly durable: Batcher<ClaimRequest, ClaimedJob[]>;
  private readonly quickConnection: HotConnection;

  /**
   * @param names the types this worker runs; others are never claimed
   * @param lease by an id whose lease is gone nothing more is claimed, but what was claimed is answered
   */
  constructor(
    database: Database,
    private readonly names: readonly string[],
    private readonly held: HeldRuns,
    private readonly lease: Pick<LeaseKeeper, 'isHeldAs'>,
    private readonly metrics: Metrics,
  ) {
    this.quickConnection = database.hot('claim', { durable: false });
    this.quick = this.batcher('claim', this.quickConnection);
    this.durable = this.batcher('durable claim', database.hot('claim-durable', { durable: true }));
  }

  /** Claims those of the jobs that wait, are due and nobody else claims. Rejects only when the claimer is closed. */
  claim(request: ClaimRequest, isDurable: boolean): Promise<ClaimedJob[]> {
    return (isDurable ? this.durable : this.quick).submit(request);
  }

  /** Of these ids, those that only a worker with other types could claim. */
  foreignAmong(ids: readonly string[]): Promise<string[]> {
    return foreignAmong(hotQuery(this.quickConnection), this.names, ids);
  }

  /** Of these ids, those that wait, in the same order. */
  async waitingAmong(ids: readonly string[]): Promise<string[]> {
    const jobs = await held(hotQuery(this.quickConnection), ids);
    const waiting = new Set(jobs.filter(({ status }) => status === 'waiting').map(({ id }) => id));
    return ids.filter((id) => waiting.has(id));
  }

  async close(): Promise<void> {
    await Promise.all([this.quick.close(), this.durable.close()]);
  }

  private batcher(name: string, connection: HotConnection): Batcher<ClaimRequest, ClaimedJob[]> {
    return new Batcher({
      name,
      maxItems: LONGEST_RUN_OF_JOBS,
      weigh: (request) => request.ids.length,
      maxWeight: LONGEST_RUN_OF_JOBS,
      run: (requests, repeated) => this.run(connection, requests, repeated),
      isItemFault,
      isTransient,
      repeatForMs: Infinity,
      onRun: observeBatches(this.metrics, name, ({ ids }) => ids.length),
    });
  }

  private async run(
    connection: HotConnection,
    requests: readonly ClaimRequest[],
    repeated: boolean,
  ): Promise<ClaimedJob[][]> {
    const query = hotQuery(connection);
    const met: { readonly job: ClaimedJob; readonly request: ClaimRequest | undefined }[] = [];
    for (const group of alike(requests)) {
      const [{ workerId, areRetries }] = group;
      const owner = new Map(group.flatMap((request) => request.ids.map((id) => [id, request] as const)));
      const ids = [...owner.keys()];
      // A lost answer may have hidden a claim: what is executing by us and not held here was claimed then.
      const found = repeated ? await claimedBy(query, workerId, ids) : [];
      const fresh = this.lease.isHeldAs(workerId)
        ? await claim(query, workerId, this.names, ids, areRetries)
        : [];
      for (const job of [...found, ...fresh]) met.push({ job, request: owner.get(job.id) });
    }
    // Nothing is awaited from here until these runs are held: one that several statements met, here or of the other batcher, begins once.
    const answers = new Map<ClaimRequest, ClaimedJob[]>(requests.map((request) => [request, []]));
    const answered = new Set<string>();
    for (const { job, request } of met) {
      if (!request || answered.has(job.id) || this.held.find(job.id)?.job.run === job.run) continue;
      answered.add(job.id);
      answers.get(request)?.push(job);
    }
    return requests.map((request) => answers.get(request) ?? []);
  }
}

/**
 * Groups of requests for one statement. Those of the two kinds of slots meet in one batch now and then, and so do those of two ids of a
 * worker that lost its lease.
 */
function alike(requests: readonly ClaimRequest[]): Iterable<[ClaimRequest, ...ClaimRequest[]]> {
  const groups = new Map<string, [ClaimRequest, ...ClaimRequest[]]>();
  for (const request of requests) {
    const key = `${request.workerId} ${request.areRetries}`;
    const group = groups.get(key);
    if (group) group.push(request);
    else groups.set(key, [request]);
  }
  return groups.values();
}
