import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

/** What both platforms' requests and responses have, as far as it is needed here. */
interface Closable {
  readonly writableFinished: boolean;
  once(event: 'close', listener: () => void): unknown;
}

/** Sets what depends on the outcome of a request, on whatever platform serves it. */
@Injectable()
export class Answer {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  status(response: unknown, status: number): void {
    this.adapterHost.httpAdapter.status(response, status);
  }

  /** Names what was made, below the path that made it, so that a global prefix stays in front. */
  location(request: unknown, response: unknown, id: string): void {
    const { httpAdapter } = this.adapterHost;
    const url = String(httpAdapter.getRequestUrl(request));
    const path = url.split('?', 1)[0]?.replace(/\/$/, '') ?? '';
    httpAdapter.setHeader(response, 'Location', `${path}/${id}`);
  }
}

/** Aborts when the client goes away before it is answered. */
export function untilClosed(response: unknown): AbortSignal {
  const controller = new AbortController();
  const raw = ((response as { readonly raw?: Closable }).raw ?? response) as Closable;
  raw.once('close', () => {
    if (!raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
