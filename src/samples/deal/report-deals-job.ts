import { Logger } from '@nestjs/common';
import { z } from 'zod';
import { JobHandler, defineJob, type Handler, type JobContext, type Payload } from '../../index.js';

/** `deals:report`: made when all deals of a day have ended, with their counts. */
export const ReportDealsJob = defineJob({
  name: 'deals:report',
  queue: 'applicant',
  payload: z.strictObject({
    batch: z.strictObject({
      id: z.string(),
      key: z.string().nullable(),
      status: z.string(),
      total: z.number(),
      done: z.number(),
      failed: z.number(),
      canceled: z.number(),
    }),
  }),
});

/** Tells how the night went. */
@JobHandler(ReportDealsJob)
export class ReportDealsHandler implements Handler<typeof ReportDealsJob> {
  private readonly logger = new Logger('Deals');

  handle({ batch }: Payload<typeof ReportDealsJob>, ctx: JobContext): { readonly summary: string } {
    const { key, total, done, failed, canceled } = batch;
    const summary = `${key ?? batch.id}: ${done} of ${total} deals decided, ${failed} failed, ${canceled} canceled`;
    this.logger.log(summary);
    ctx.log(`rookery batches jobs ${batch.id} --status failed lists what failed`);
    return { summary };
  }
}
