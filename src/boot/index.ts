export { readAncestors } from './ancestors.js';
export { parseEntries } from './entries.js';
export { exitCodes } from './exit-codes.js';
export type { Ancestor } from './launchers.js';
export { watchParents } from './parent-watch.js';
export { planStart, type StartPlan, type StartSources } from './start-plan.js';
export { watchSignals } from './stop-signals.js';
export { ReadableLogger } from './readable-logger.js';
