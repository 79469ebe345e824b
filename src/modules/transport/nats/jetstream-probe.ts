import { setTimeout as pause } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { toError } from '../../../kernel/errors.js';

const ANSWER_WITHIN_MS = 2_000;
const TRY_EVERY_MS = 500;

/** Asks the server until its JetStream answers or the signal aborts; true when it answered. `failed` hears why it did not. */
export async function probeJetStream(
  connection: NatsConnection,
  signal: AbortSignal,
  failed: (reason: string) => void,
): Promise<boolean> {
  while (!signal.aborted) {
    try {
      const manager = await jetstreamManager(connection, { checkAPI: false, timeout: ANSWER_WITHIN_MS });
      await manager.getAccountInfo();
      return !signal.aborted;
    } catch (thrown) {
      if (!signal.aborted) failed(toError(thrown).message);
    }
    await pause(TRY_EVERY_MS, undefined, { ref: false, signal }).catch(() => undefined);
  }
  return false;
}
