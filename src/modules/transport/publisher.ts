import type { Json } from '../../kernel/json.js';

/**
 * Talks to other services by plain NATS messages: best effort, with those who listen now. Without NATS nobody hears it, so nothing
 * may depend on one; what must happen is a job.
 */
export interface Publisher {
  /** Sends a value as raw JSON to a subject, which the setting `nats.prefix` precedes. Never throws and never waits. */
  publish(subject: string, message: Json): void;
  /**
   * Asks whoever answers a subject, and resolves with the JSON that came back; with undefined when nothing readable did within
   * `withinMs`. Never rejects.
   */
  request(subject: string, message: Json, withinMs: number): Promise<Json | undefined>;
}

/** Injection token of the publisher. */
export const PUBLISHER = Symbol('rookery:publisher');

/** Where there is no NATS. */
export const silentPublisher: Publisher = {
  publish: () => undefined,
  request: () => Promise.resolve(undefined),
};
