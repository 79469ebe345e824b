import { z } from 'zod';
import { JobHandler, defineJob, type Handler, type JobContext, type Payload } from '../../index.js';
import { DealsClient } from './deals-client.js';

/** Above this a deal is looked at by a person. */
const LARGEST_UNSEEN_AMOUNT = 50_000;

/** `deal`: one deal of the API, decided. Tried twice; one that the API refuses for good is reported, and holds up no other. */
export const DealJob = defineJob({
  name: 'deal',
  queue: 'applicant',
  payload: z.strictObject({ dealId: z.string().min(1).max(100) }),
  maxAttempts: 2,
  timeout: '30s',
  backoff: { initial: '500ms' },
  prepare: ({ dealId }, options) => ({ options: { ...options, objectId: dealId } }),
});

/** Asks the API for the deal and answers what is to become of it. */
@JobHandler(DealJob)
export class DealJobHandler implements Handler<typeof DealJob> {
  constructor(private readonly deals: DealsClient) {}

  async handle(
    { dealId }: Payload<typeof DealJob>,
    ctx: JobContext,
  ): Promise<{ readonly dealId: string; readonly decision: 'accepted' | 'to be looked at' }> {
    const { amount } = await this.deals.deal(dealId, ctx.signal);
    return { dealId, decision: amount > LARGEST_UNSEEN_AMOUNT ? 'to be looked at' : 'accepted' };
  }
}
