import { pipeline, type Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';

/** Longest text as JSON, in bytes: with the response's head it stays within the 1 MiB of a result, and base64 is shorter still. */
const MAX_TEXT_BYTES = 750_000;

/** The part of a response body that is kept. */
export interface ResponseBody {
  /** Text where the body is UTF-8 that a result can hold, else base64. */
  readonly body: string;
  readonly encoding: 'utf-8' | 'base64';
  /** True when there was more. */
  readonly truncated: boolean;
}

/**
 * Reads at most `maxBytes` of a body, unpacked, and closes the connection on the rest. Unpacking goes on only as far as it is
 * read, so a small packed body that would unpack to a huge one costs no memory.
 */
export async function readBody(
  raw: Readable,
  contentEncoding: string | undefined,
  maxBytes: number,
): Promise<ResponseBody> {
  // Giving up on the rest is reported on the stream as an error, which nobody is there to hear.
  raw.on('error', () => undefined);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of unpacked(raw, contentEncoding) as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > maxBytes) break;
  }
  const truncated = bytes > maxBytes;
  return { ...asText(Buffer.concat(chunks).subarray(0, maxBytes), truncated), truncated };
}

/** One layer of packing is undone; anything else is kept as it came. */
function unpacked(raw: Readable, contentEncoding: string | undefined): Readable {
  const unpack = unpackerOf(contentEncoding);
  // An error of either reaches whoever reads the result, and giving up on that ends both.
  return unpack ? pipeline(raw, unpack, () => undefined) : raw;
}

function unpackerOf(contentEncoding: string | undefined) {
  switch (contentEncoding?.trim().toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'br':
      return createBrotliDecompress();
    default:
      return undefined;
  }
}

function asText(bytes: Buffer, isCut: boolean): Pick<ResponseBody, 'body' | 'encoding'> {
  const text = utf8(bytes, isCut);
  const isStorable =
    text !== undefined &&
    !text.includes('\u0000') &&
    Buffer.byteLength(JSON.stringify(text)) <= MAX_TEXT_BYTES;
  return isStorable
    ? { body: text, encoding: 'utf-8' }
    : { body: bytes.toString('base64'), encoding: 'base64' };
}

/** The text, without a character that the cut went through; undefined when it is no UTF-8. */
function utf8(bytes: Buffer, isCut: boolean): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: isCut });
  } catch {
    return undefined;
  }
}
