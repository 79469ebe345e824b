export { DashboardModule } from './dashboard/dashboard.module.js';
export { HealthModule } from './health.module.js';
export type { QueueView, Rates } from './queue-reader.js';
export type { StatusTotals, UnservedType } from './status-reader.js';
export { StatusModule } from './status.module.js';
export type { WorkerView } from './worker-list.js';
