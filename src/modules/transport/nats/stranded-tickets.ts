import { setTimeout as pause } from 'node:timers/promises';
import type { ConsumerInfo, JetStreamManager, SeqMsgRequest } from '@nats-io/jetstream';

/** A lane's consumer and what it is to deliver. */
export interface ConsumerPlace {
  readonly stream: string;
  readonly consumer: string;
  readonly subject: string;
}

/** The server's own counts lag a little behind what it stores; what still looks wrong after this long is wrong. */
const LOOK_AGAIN_AFTER_MS = 250;

/**
 * True when the consumer will never deliver what its lane holds, now or next. A server that was killed may come back with
 * tickets in its store that its consumer remembers as acked, or with a store that is behind its consumer; such a ticket
 * would be the oldest of its lane for ever. A consumer made anew delivers everything that is stored.
 */
export async function isConsumerAstray(manager: JetStreamManager, place: ConsumerPlace): Promise<boolean> {
  const first = await suspect(manager, place);
  if (first === undefined) return false;
  await pause(LOOK_AGAIN_AFTER_MS, undefined, { ref: false });
  return (await suspect(manager, place)) === first;
}

/** What speaks against the consumer, undefined for nothing. Each question is asked in the order in which only a fault can answer it so. */
async function suspect(
  manager: JetStreamManager,
  { stream, consumer, subject }: ConsumerPlace,
): Promise<string | undefined> {
  const first: SeqMsgRequest & { next_by_subj: string } = { seq: 1, next_by_subj: subject };
  const oldest = await manager.streams.getMessage(stream, first);
  const info = await manager.consumers.info(stream, consumer);
  if (oldest && isDoneWith(info, oldest.seq)) return `stored ticket ${oldest.seq}`;
  const { state } = await manager.streams.info(stream);
  return info.delivered.stream_seq > state.last_seq ? `end ${state.last_seq}` : undefined;
}

function isDoneWith(info: ConsumerInfo, sequence: number): boolean {
  return sequence <= info.ack_floor.stream_seq || (info.num_pending === 0 && info.num_ack_pending === 0);
}
