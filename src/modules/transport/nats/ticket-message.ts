import { MAX_TICKET_IDS } from '../transport.js';

/** What a ticket's message holds. */
export interface TicketContent {
  /** 1…25 job ids, oldest first. */
  readonly ids: readonly string[];
  /** When it was offered, in ms on the database's clock; absent when another client published it without. */
  readonly at?: number;
}

/** An id is a UUID: anything else could only fail the claim of the jobs beside it, again with every delivery. */
const JOB_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** A ticket as its message: raw JSON, `{"at":1767225600000,"ids":["…"]}`, for any client in any language. */
export function encodeTicket(ids: readonly string[], at: number): string {
  return JSON.stringify({ at, ids });
}

/** What a ticket's message says; undefined when it is malformed: no JSON, no ids, too many of them, or one that is no UUID. */
export function decodeTicket(text: string): TicketContent | undefined {
  const message = parse(text);
  if (typeof message !== 'object' || message === null || !('ids' in message)) return undefined;
  const { ids } = message;
  if (!Array.isArray(ids) || ids.length < 1 || ids.length > MAX_TICKET_IDS) return undefined;
  if (!ids.every((id): id is string => typeof id === 'string' && JOB_ID.test(id))) return undefined;
  const at = 'at' in message ? message.at : undefined;
  return typeof at === 'number' && Number.isFinite(at) ? { ids, at } : { ids };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
