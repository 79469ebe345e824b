import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { z } from 'zod';
import { CONFIG, Lifecycle, type RookeryConfig } from '../../index.js';
import { DealsApi } from './deals-api.js';

const STOP_BUDGET_MS = 1_000;

const pageSchema = z.object({ ids: z.array(z.string()), nextPage: z.int().nullable() });
const dealSchema = z.object({ id: z.string(), amount: z.number() });

export type DealPage = z.output<typeof pageSchema>;
export type DealFacts = z.output<typeof dealSchema>;

/** Asks the deals API of `samples.deal.url`; where none is set, one of its own that it starts within the process when it is first asked. */
@Injectable()
export class DealsClient implements OnApplicationBootstrap {
  private readonly own: DealsApi;

  constructor(
    private readonly lifecycle: Lifecycle,
    @Inject(CONFIG) private readonly config: RookeryConfig,
  ) {
    this.own = new DealsApi(config.samples.deal);
  }

  onApplicationBootstrap(): void {
    this.lifecycle.register('outlets', 'deals API', STOP_BUDGET_MS, () => this.own.stop());
  }

  /** One page of the ids of a day, `2026-11-25`; pages are numbered from 1. Rejects when the API refuses or cannot be reached. */
  async page(period: string, page: number, signal: AbortSignal): Promise<DealPage> {
    return pageSchema.parse(await this.get(`/deals?period=${period}&page=${page}`, signal));
  }

  /** One deal. Rejects when the API refuses or cannot be reached. */
  async deal(id: string, signal: AbortSignal): Promise<DealFacts> {
    return dealSchema.parse(await this.get(`/deals/${encodeURIComponent(id)}`, signal));
  }

  private async get(path: string, signal: AbortSignal): Promise<unknown> {
    const response = await fetch(`${await this.url()}${path}`, { signal });
    if (response.ok) return response.json();
    throw new Error(`GET ${path} answered ${response.status}: ${(await response.text()).slice(0, 200)}`);
  }

  private async url(): Promise<string> {
    return this.config.samples.deal.url ?? (await this.own.start());
  }
}
