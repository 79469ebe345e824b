import type { Readable } from 'node:stream';
import { RookeryError } from '../../../kernel/errors.js';

/** A line that is not blank, with its number in the body from 1. */
export interface NumberedLine {
  readonly number: number;
  readonly text: string;
}

/**
 * The lines of a body as they arrive, blank ones left out. Throws `payload_too_large` beyond `maxBytes` and `malformed_json` for a
 * body that is not UTF-8 or ends early; the connection stays, so that the answer can be read.
 */
export async function* linesOf(body: Readable, maxBytes: number): AsyncGenerator<NumberedLine> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let number = 0;
  let rest = '';
  for await (const chunk of chunksOf(body, maxBytes)) {
    const lines = (rest + decoded(() => decoder.decode(chunk, { stream: true }))).split('\n');
    rest = lines.pop() ?? '';
    for (const text of lines) {
      number++;
      if (text.trim() !== '') yield { number, text };
    }
  }
  rest += decoded(() => decoder.decode());
  if (rest.trim() !== '') yield { number: number + 1, text: rest };
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
