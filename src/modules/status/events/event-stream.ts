import type { ServerResponse } from 'node:http';

/** Most bytes kept for a reader that does not read. */
export const MOST_UNREAD_BYTES = 256 * 1024;

/** How long a browser waits before it connects again, in ms. */
const RECONNECT_MS = 2_000;

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // What comes after a stream is another connection; so a server that stops has none to wait for.
  connection: 'close',
  // nginx would keep events until it has a page of them.
  'x-accel-buffering': 'no',
};

/** What a platform's response has that matters here: Fastify's wraps Node's, Express' is Node's. */
interface PlatformResponse {
  readonly raw?: ServerResponse;
  hijack?(): void;
  getHeaders(): Readonly<Record<string, number | string | string[] | undefined>>;
}

/** One event as server-sent events write it. */
export function eventText(name: string, data: object): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** An answer that goes on, as server-sent events. Who does not read is cut off rather than kept for. */
export class EventStream {
  private readonly raw: ServerResponse;
  private isOpen = false;
  /** Of how things were at first, until that is read; it may be more than is kept later. */
  private openingBytes = 0;

  constructor(
    private readonly response: unknown,
    private readonly onTooSlow: () => void,
  ) {
    const { raw } = response as PlatformResponse;
    this.raw = raw ?? (response as ServerResponse);
  }

  /** Calls back once, when either side has ended it. */
  onClose(listener: () => void): void {
    if (this.raw.destroyed) listener();
    else this.raw.once('close', listener);
  }

  /** Sends the headers that are set so far, those of events, and the first of them. */
  open(text: string): void {
    const response = this.response as PlatformResponse;
    const headers = { ...response.getHeaders(), ...HEADERS };
    response.hijack?.();
    this.raw.writeHead(200, headers);
    // A HEAD request asks for no more.
    if (this.raw.req.method === 'HEAD') {
      this.raw.end();
      return;
    }
    this.isOpen = true;
    const opening = `retry: ${RECONNECT_MS}\n\n${text}`;
    if (this.raw.write(opening)) return;
    this.openingBytes = Buffer.byteLength(opening);
    this.raw.once('drain', () => (this.openingBytes = 0));
  }

  /** Sends more. A reader that is too far behind is cut off. */
  push(text: string): void {
    if (!this.isOpen || this.raw.destroyed || this.raw.writableEnded) return;
    this.raw.write(text);
    if (this.raw.writableLength <= MOST_UNREAD_BYTES + this.openingBytes) return;
    this.onTooSlow();
    this.raw.destroy();
  }

  end(): void {
    if (this.isOpen) this.raw.end();
  }
}
