import { eventually } from './eventually.js';

/** One server-sent event. */
export interface ReadEvent {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Reads server-sent events as a browser does, but for connecting again. */
export class EventReader {
  readonly events: ReadEvent[] = [];
  /** Resolves when the stream has ended, by whomever. */
  readonly ended: Promise<void>;

  private constructor(
    private readonly controller: AbortController,
    readonly response: Response,
  ) {
    this.ended = this.read().catch(() => undefined);
  }

  static async open(url: string): Promise<EventReader> {
    const controller = new AbortController();
    return new EventReader(controller, await fetch(url, { signal: controller.signal }));
  }

  /** The data of the events of that name so far. */
  of(name: string): ReadEvent['data'][] {
    return this.events.filter((event) => event.name === name).map(({ data }) => data);
  }

  /** Waits for an event that fits. */
  until(fits: (event: ReadEvent) => boolean): Promise<ReadEvent> {
    return eventually(() => this.events.find(fits));
  }

  close(): Promise<void> {
    this.controller.abort();
    return this.ended;
  }

  private async read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    if (!this.response.body) return;
    for await (const chunk of this.response.body) {
      const blocks = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const [, name, data] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
        if (name !== undefined && data !== undefined)
          this.events.push({ name, data: JSON.parse(data) as ReadEvent['data'] });
      }
    }
  }
}
