import type { Json } from '../../kernel/json.js';

/**
 * Tells other services of something by a plain NATS message: best effort, for those who listen now. Without NATS nobody hears it,
 * so nothing may depend on one; what must happen is a job.
 */
export interface Publisher {
  /** Sends a value as raw JSON to a subject, which the setting `nats.prefix` precedes. Never throws and never waits. */
  publish(subject: string, message: Json): void;
}

/** Injection token of the publisher. */
export const PUBLISHER = Symbol('rookery:publisher');

/** Where there is no NATS. */
export const silentPublisher: Publisher = { publish: () => undefined };
