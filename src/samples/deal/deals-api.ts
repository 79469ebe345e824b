import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One in so many deals is refused by the API for good, and one in so many takes its time. */
const FAILING_ONE_IN = 25;
const SLOW_ONE_IN = 10;

const PERIOD = /^\d{4}-\d{2}-\d{2}$/;
const DEAL_ID = /^(\d{4}-\d{2}-\d{2})-(\d{4})$/;

export interface DealsApiOptions {
  /** Deals of each day, 0…9,999. */
  readonly dealsADay: number;
  /** Deals a page. */
  readonly pageSize: number;
  /** How long a slow deal takes, in ms. */
  readonly slowMs: number;
}

interface Reply {
  readonly status: number;
  readonly body: object;
}

/**
 * An API as one meets it: `GET /deals?period=2026-11-25&page=1` lists the ids of a day in pages, `GET /deals/:id` answers one deal.
 * Every 25th deal fails with 500 however often it is asked for, every 10th is slow. What it answers follows from the id alone, so
 * any process that starts one serves the same deals.
 */
export class DealsApi {
  private readonly server: Server;
  private listening: Promise<string> | undefined;

  constructor(private readonly options: DealsApiOptions) {
    this.server = createServer((request, response) => this.answer(request, response));
  }

  /** Listens on a free port of this machine, once, and answers the URL without a slash at its end. */
  start(): Promise<string> {
    this.listening ??= new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(0, '127.0.0.1', () => {
        const { port } = this.server.address() as AddressInfo;
        resolve(`http://127.0.0.1:${port}`);
      });
    });
    return this.listening;
  }

  /** Idempotent; requests under way are cut off. */
  async stop(): Promise<void> {
    if (this.listening === undefined) return;
    await this.listening.catch(() => undefined);
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://deals');
    const id = /^\/deals\/([^/]+)$/.exec(pathname)?.[1];
    const reply = pathname === '/deals' ? this.page(searchParams) : this.deal(id ?? '');
    const send = (): void => {
      response
        .writeHead(reply.status, { 'content-type': 'application/json' })
        .end(JSON.stringify(reply.body));
    };
    if (id === undefined || !isSlow(id)) return send();
    const timer = setTimeout(send, this.options.slowMs);
    response.on('close', () => clearTimeout(timer));
  }

  private page(query: URLSearchParams): Reply {
    const period = query.get('period') ?? '';
    const page = Number(query.get('page') ?? '1');
    if (!PERIOD.test(period)) return { status: 400, body: { error: 'period is no day; write 2026-11-25' } };
    if (!(Number.isInteger(page) && page >= 1)) {
      return { status: 400, body: { error: 'page is no number from 1' } };
    }
    const { dealsADay, pageSize } = this.options;
    const first = (page - 1) * pageSize + 1;
    const last = Math.min(page * pageSize, dealsADay);
    const numbers = Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
    const ids = numbers.map((number) => `${period}-${String(number).padStart(4, '0')}`);
    return { status: 200, body: { period, ids, nextPage: last < dealsADay ? page + 1 : null } };
  }

  private deal(id: string): Reply {
    const [, period, digits] = DEAL_ID.exec(id) ?? [];
    const number = Number(digits);
    if (!(number >= 1 && number <= this.options.dealsADay)) {
      return { status: 404, body: { error: `no deal ${id}` } };
    }
    if (number % FAILING_ONE_IN === 0) return { status: 500, body: { error: `deal ${id} is broken` } };
    return { status: 200, body: { id, period, amount: 1_000 + ((number * 7_919) % 90_000) } };
  }
}

function isSlow(id: string): boolean {
  return Number(id.slice(-4)) % SLOW_ONE_IN === 0;
}
