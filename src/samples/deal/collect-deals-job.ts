import { z } from 'zod';
import {
  JobHandler,
  JobService,
  Scheduled,
  defineJob,
  type Handler,
  type JobContext,
  type Payload,
} from '../../index.js';
import { DealJob } from './deal-job.js';
import { DealsClient } from './deals-client.js';
import { ReportDealsJob } from './report-deals-job.js';

const DAY_MS = 86_400_000;

/** `deals:collect`: pages through the deals of a day, by default yesterday, and makes a batch of them. */
export const CollectDealsJob = defineJob({
  name: 'deals:collect',
  queue: 'applicant',
  payload: z.strictObject({ period: z.iso.date().optional() }),
  timeout: '10m',
});

/**
 * One batch a day: its key names the day, and a deal is in it once, so that a run which died amid the pages is simply run again.
 */
@Scheduled({ name: 'nightly-deals', cron: '0 2 * * *', timeZone: 'Europe/Berlin', payload: {} })
@JobHandler(CollectDealsJob)
export class CollectDealsHandler implements Handler<typeof CollectDealsJob> {
  constructor(
    private readonly jobs: JobService,
    private readonly deals: DealsClient,
  ) {}

  async handle(
    payload: Payload<typeof CollectDealsJob>,
    ctx: JobContext,
  ): Promise<{ readonly period: string; readonly batchId: string; readonly deals: number }> {
    // By when the job was made: a run that is repeated after midnight is still for the same day.
    const period = payload.period ?? dayBefore(ctx.createdAt);
    const key = `deals-${period}`;
    const batch = await this.jobs.batch(DealJob, [], { key, onComplete: { type: ReportDealsJob } });
    let deals = 0;
    for (let page: number | null = 1; page !== null;) {
      const { ids, nextPage } = await this.deals.page(period, page, ctx.signal);
      if (ids.length > 0) await batch.add(ids.map((dealId) => ({ payload: { dealId } })));
      deals += ids.length;
      ctx.log(`page ${page}: ${ids.length} deals`);
      page = nextPage;
    }
    await batch.seal();
    return { period, batchId: batch.id, deals };
  }
}

/** The day before that moment, in UTC. */
function dayBefore(time: Date): string {
  return new Date(time.getTime() - DAY_MS).toISOString().slice(0, 10);
}
