import { Registry, collectDefaultMetrics } from 'prom-client';

let registry: Registry | undefined;

/**
 * What Node tells of this process: CPU, memory, event-loop lag, garbage collection. One for the whole process, however many applications
 * run in it, for each costs observers that nothing ends. Begins to measure with the first call.
 */
export function processRegistry(): Registry {
  if (!registry) {
    registry = new Registry();
    collectDefaultMetrics({ register: registry });
  }
  return registry;
}
