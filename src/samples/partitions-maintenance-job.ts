import { z } from 'zod';
import { JobHandler, defineJob, type Handler, type JobContext, type Payload } from '../index.js';

/**
 * `partitions_maintenance:job`: a job type on a queue that others may use as well. It shows how that is written and maintains
 * nothing; Rookery sees to its own partitions without being asked.
 */
export const PartitionsMaintenance = defineJob({
  name: 'partitions_maintenance:job',
  queue: 'shared',
  payload: z.strictObject({ param: z.string() }),
});

/** Logs the parameter and returns it with the queue it came by. */
@JobHandler(PartitionsMaintenance)
export class PartitionsMaintenanceHandler implements Handler<typeof PartitionsMaintenance> {
  handle(
    { param }: Payload<typeof PartitionsMaintenance>,
    ctx: JobContext,
  ): { readonly param: string; readonly queue: string } {
    ctx.log(`partitions_maintenance:job was given ${JSON.stringify(param)}`);
    return { param, queue: ctx.queue };
  }
}
