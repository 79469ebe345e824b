import type { Readable } from 'node:stream';
import { RookeryError } from '../../../kernel/errors.js';

/** A line that is not blank, with its number in the body from 1. */
export interface NumberedLine {
  readonly number: number;
  readonly text: string;
}

/** In bytes. */
export interface BodyBounds {
  readonly body: number;
  readonly line: number;
}

/**
 * The lines of a body as they arrive, blank ones left out. Throws `payload_too_large` beyond a bound and `malformed_json` for a
 * body that is not UTF-8 or ends early; the connection stays, so that the answer can be read.
 */
export async function* linesOf(body: Readable, most: BodyBounds): AsyncGenerator<NumberedLine> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let number = 1;
  // The line that has not ended yet, in the pieces it came in: put together once, because a long one comes in hundreds.
  let pieces: string[] = [];
  let length = 0;
  for await (const chunk of chunksOf(body, most.body)) {
    const [end = '', ...begun] = decoded(() => decoder.decode(chunk, { stream: true })).split('\n');
    pieces.push(end);
    length += end.length;
    for (const piece of begun) {
      const text = pieces.join('');
      if (text.trim() !== '') yield { number, text };
      number++;
      pieces = [piece];
      length = piece.length;
    }
    if (length > most.line) throw lineTooLong(number, most.line);
  }
  const rest = pieces.join('') + decoded(() => decoder.decode());
  if (rest.trim() !== '') yield { number, text: rest };
}

function lineTooLong(number: number, maxBytes: number): RookeryError {
  return new RookeryError(
    'payload_too_large',
    `line ${number} has more than the ${maxBytes} bytes of the largest job; end each job with a line feed`,
    { line: number, maxBytes },
  );
}

async function* chunksOf(body: Readable, maxBytes: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  try {
    // Leaving the loop early must not destroy the request: its socket carries the answer.
    for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        throw new RookeryError(
          'payload_too_large',
          `the body has more than the ${maxBytes} bytes this route takes`,
          { maxBytes },
        );
      }
      yield chunk;
    }
  } catch (error) {
    if (error instanceof RookeryError) throw error;
    throw new RookeryError(
      'malformed_json',
      'the request ended before its body was complete',
      {},
      { cause: error },
    );
  }
}

function decoded(decode: () => string): string {
  try {
    return decode();
  } catch (error) {
    throw new RookeryError('malformed_json', 'the body is not UTF-8', {}, { cause: error });
  }
}
