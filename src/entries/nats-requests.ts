import { JobRpcModule } from '../modules/job/index.js';
import { StatusModule } from '../modules/status/index.js';

/** One value, so that entries which both have it bring it once. */
export const natsRequests = JobRpcModule.register(StatusModule);
