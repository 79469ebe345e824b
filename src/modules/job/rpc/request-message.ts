import { RookeryError } from '../../../kernel/errors.js';
import { parseJson } from '../parse-json.js';
import { isRecord } from '../../../kernel/json.js';

/** What a message asks, and how its sender wants to be answered. */
export interface RequestMessage {
  readonly data: unknown;
  /** Nest's ClientProxy puts an envelope around data and answers; any other client sends and reads them bare. */
  readonly envelope?: { readonly id?: string };
  /** The secret that the message itself holds, in a field `token` beside the others; the data is without it. */
  readonly token?: string;
}

/** An answer, or an error as callers read it. */
export type Reply = { readonly answer: object } | { readonly error: ReplyError };

export interface ReplyError {
  readonly code: string;
  readonly message: string;
  readonly [detail: string]: unknown;
}

/**
 * Reads a message on that subject; an empty one has no data. Nest's envelope is told by its pattern, which is the subject.
 * @throws RookeryError malformed_json
 */
export function readRequest(bytes: Uint8Array, subject: string): RequestMessage {
  const value = bytes.length === 0 ? undefined : parsed(bytes);
  if (!isRecord(value) || value['pattern'] !== subject) return withoutToken(value);
  const { data, id } = value;
  return { ...withoutToken(data), envelope: typeof id === 'string' ? { id } : {} };
}

function withoutToken(value: unknown): Pick<RequestMessage, 'data' | 'token'> {
  if (!isRecord(value) || typeof value['token'] !== 'string') return { data: value };
  const { token, ...data } = value;
  return { data, token };
}

/** How the sender of a message that is too large to be read wants to be answered. */
export function envelopeOfUnread(bytes: Uint8Array, subject: string): Pick<RequestMessage, 'envelope'> {
  const start = Buffer.from(`{"pattern":${JSON.stringify(subject)}`);
  return start.equals(bytes.subarray(0, start.length)) ? { envelope: {} } : {};
}

/** The reply as the sender of that request reads it. */
export function writeReply({ envelope }: Pick<RequestMessage, 'envelope'>, reply: Reply): string {
  if (!envelope) return JSON.stringify('error' in reply ? { error: reply.error } : reply.answer);
  const content = 'error' in reply ? { err: reply.error } : { response: reply.answer };
  return JSON.stringify({ ...content, isDisposed: true, ...envelope });
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    const reason = error instanceof SyntaxError ? `is not JSON: ${error.message}` : 'is not UTF-8';
    throw new RookeryError('malformed_json', `the message ${reason}`, {}, { cause: error });
  }
}
