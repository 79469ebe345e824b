import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import {
  CONFIG,
  JobService,
  Lifecycle,
  PUBLISHER,
  type EntryName,
  type Publisher,
  type RookeryConfig,
} from '../../index.js';
import { ExampleJob } from '../example-job.js';

/** Tells the sample which entries this process is. */
export const SAMPLE_ENTRIES = Symbol('samples:entries');

/** As the services answer within milliseconds, one that has not by now is away. */
const ANSWER_WITHIN_MS = 2_000;

/** What is under way when the process stops is an enqueue or a request at most. */
const STOP_BUDGET_MS = ANSWER_WITHIN_MS + 1_000;

/** The part of the totals that is printed. */
interface Totals {
  readonly processed: number;
  readonly failed: number;
  readonly waiting: number;
  readonly executing: number;
}

/**
 * A service that lives off Rookery, as it might stand anywhere: with `samples.publisher` the scheduler publishes a job to `jobs.create`
 * every second, and the status service asks `jobs.status` every five and prints the count. A process that is all entries does
 * both; without NATS in the settings the job service is called instead.
 */
@Injectable()
export class SamplePublisher implements OnApplicationBootstrap {
  private readonly logger = new Logger('Publisher');
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly underWay = new Set<Promise<void>>();
  private published = 0;

  constructor(
    private readonly jobs: JobService,
    private readonly lifecycle: Lifecycle,
    @Inject(PUBLISHER) private readonly publisher: Publisher,
    @Inject(CONFIG) private readonly config: RookeryConfig,
    @Inject(SAMPLE_ENTRIES) private readonly entries: readonly EntryName[],
  ) {}

  onApplicationBootstrap(): void {
    const { isEnabled, publishEveryMs, printEveryMs } = this.config.samples.publisher;
    if (!isEnabled || this.lifecycle.isStopping) return;
    const is = (name: EntryName): boolean => this.entries.includes('all') || this.entries.includes(name);
    if (is('scheduler')) this.every(publishEveryMs, () => this.publish());
    if (is('status')) this.every(printEveryMs, () => this.print());
    this.lifecycle.register('intake', 'sample publisher', STOP_BUDGET_MS, () => this.stop());
  }

  private every(ms: number, act: () => Promise<void>): void {
    const begin = (): void => {
      const acting = act()
        .catch((error: unknown) => this.logger.warn(error instanceof Error ? error.message : String(error)))
        .finally(() => this.underWay.delete(acting));
      this.underWay.add(acting);
    };
    this.timers.push(setInterval(begin, ms));
  }

  private async stop(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    await Promise.all(this.underWay);
  }

  private async publish(): Promise<void> {
    const payload = { param: `publication ${++this.published}` };
    if (this.config.nats) this.publisher.publish('jobs.create', { name: ExampleJob.name, payload });
    else await this.jobs.enqueue(ExampleJob, payload);
  }

  private async print(): Promise<void> {
    const totals = this.config.nats ? await this.ask() : await this.jobs.totals();
    if (!totals) return this.logger.warn('nobody answers jobs.status');
    const { processed, failed, waiting, executing } = totals;
    this.logger.log(
      `${processed} jobs processed, ${failed} of them failed; ${waiting} waiting, ${executing} executing`,
    );
  }

  private async ask(): Promise<Totals | undefined> {
    const answer = await this.publisher.request('jobs.status', {}, ANSWER_WITHIN_MS);
    if (typeof answer !== 'object' || answer === null || !('processed' in answer)) return undefined;
    return answer as unknown as Totals;
  }
}
