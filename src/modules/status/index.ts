export { HealthModule } from './health.module.js';
export { StatusModule } from './status.module.js';
