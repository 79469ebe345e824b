import { JetStreamApiCodes } from '@nats-io/jetstream';
import type { Msg } from '@nats-io/transport-node';
import type { OldestTicket } from '../transport.js';
import { decodeTicket } from './ticket-message.js';

/** What asks a stream for its first message of a subject; one that is taken and not acked is still stored. */
export function oldestTicketQuestion(subject: string): string {
  return JSON.stringify({ seq: 1, next_by_subj: subject });
}

/** What the answer to that question tells; `isStreamMissing` when the server has no such stream. */
export function readOldestTicket(answer: Msg): {
  readonly oldest: OldestTicket;
  readonly isStreamMissing: boolean;
} {
  const { error, message } = parse(answer.string());
  if (error?.err_code === JetStreamApiCodes.NoMessageFound)
    return { oldest: { kind: 'none' }, isStreamMissing: false };
  if (error?.err_code === JetStreamApiCodes.StreamNotFound)
    return { oldest: { kind: 'none' }, isStreamMissing: true };
  return { oldest: oldestOf(message), isStreamMissing: false };
}

interface StoredAnswer {
  readonly error?: { readonly err_code?: number };
  /** `data` is base64, `time` RFC 3339. */
  readonly message?: { readonly data?: string; readonly time?: string };
}

/** The ticket's own time before the server's: it is on the database's clock. */
function oldestOf(message: StoredAnswer['message']): OldestTicket {
  if (!message) return { kind: 'unknown' };
  const content = decodeTicket(Buffer.from(message.data ?? '', 'base64').toString());
  const at = content?.at ?? Date.parse(message.time ?? '');
  return Number.isNaN(at) ? { kind: 'unknown' } : { kind: 'at', at };
}

function parse(text: string): StoredAnswer {
  try {
    return (JSON.parse(text) as StoredAnswer | null) ?? {};
  } catch {
    return {};
  }
}
