import { z } from 'zod';
import { JobHandler, defineJob, type Handler, type JobContext, type Payload } from '../index.js';

/** `example:job`: the smallest job type there is; it runs on a queue of its own, `example-job`. */
export const ExampleJob = defineJob({
  name: 'example:job',
  payload: z.strictObject({ param: z.string() }),
});

/** Logs the parameter and returns it. */
@JobHandler(ExampleJob)
export class ExampleJobHandler implements Handler<typeof ExampleJob> {
  handle({ param }: Payload<typeof ExampleJob>, ctx: JobContext): { readonly param: string } {
    ctx.log(`example:job was given ${JSON.stringify(param)}`);
    return { param };
  }
}
