/** Somebody who is told of things as they change. */
export interface Watcher {
  push(text: string): void;
}

export interface TopicOptions<State> {
  /** Pause between two reads while anything is watched. */
  readonly paceMs: number;
  /** Reads these things in as few statements as there are tables; what does not exist is missing. */
  readonly read: (keys: readonly string[]) => Promise<ReadonlyMap<string, State>>;
  /** What somebody is told who begins to watch. */
  readonly present: (state: State) => string;
  /** What everybody else is told; an empty text when nothing happened. */
  readonly changes: (before: State, now: State) => string;
  readonly onError: (error: unknown) => void;
}

interface Joiner {
  readonly watcher: Watcher;
  readonly resolve: (text: string | undefined) => void;
  readonly reject: (error: unknown) => void;
}

interface Watched<State> {
  seen: State | undefined;
  readonly watchers: Set<Watcher>;
  joiners: Joiner[];
}

/** Those who come within this time are read for together. */
const JOIN_MS = 10;

/**
 * Things of one kind that are watched by any number of watchers: one read at a time asks for all of them, and what happened is put into
 * words once. A failed read is made up for by the next; nothing that stays is missed, for each read is compared with the last that succeeded.
 */
export class Topic<State> {
  private readonly things = new Map<string, Watched<State>>();
  private timer: NodeJS.Timeout | undefined;
  private isReading = false;

  constructor(private readonly options: TopicOptions<State>) {}

  /** Resolves with the state the thing is in, from which on the watcher is told of each change; undefined when there is no such thing. */
  add(key: string, watcher: Watcher): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      const thing = this.things.get(key) ?? { seen: undefined, watchers: new Set(), joiners: [] };
      this.things.set(key, thing);
      thing.joiners.push({ watcher, resolve, reject });
      this.readAfter(JOIN_MS);
    });
  }

  remove(key: string, watcher: Watcher): void {
    const thing = this.things.get(key);
    thing?.watchers.delete(watcher);
    this.forgetUnwatched(key);
    if (this.things.size === 0) clearTimeout(this.timer);
  }

  /** Reads sooner than its pace, if it has to. */
  private readAfter(pauseMs: number): void {
    if (this.isReading) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.look(), pauseMs);
  }

  private async look(): Promise<void> {
    this.isReading = true;
    const joiners = new Map<string, readonly Joiner[]>();
    for (const [key, thing] of this.things) {
      joiners.set(key, thing.joiners);
      thing.joiners = [];
    }
    try {
      const states = await this.options.read([...this.things.keys()]);
      for (const [key, joining] of joiners) this.tell(key, states.get(key), joining);
    } catch (error) {
      this.options.onError(error);
      for (const [key, joining] of joiners) {
        for (const { reject } of joining) reject(error);
        this.forgetUnwatched(key);
      }
    }
    this.isReading = false;
    const hasJoiners = [...this.things.values()].some((thing) => thing.joiners.length > 0);
    if (this.things.size > 0) this.readAfter(hasJoiners ? JOIN_MS : this.options.paceMs);
  }

  private tell(key: string, state: State | undefined, joining: readonly Joiner[]): void {
    const thing = this.things.get(key);
    if (thing && state !== undefined) {
      const text = thing.seen === undefined ? '' : this.options.changes(thing.seen, state);
      if (text !== '') for (const watcher of thing.watchers) watcher.push(text);
      thing.seen = state;
      for (const { watcher } of joining) thing.watchers.add(watcher);
    }
    const present = state === undefined ? undefined : this.options.present(state);
    for (const { resolve } of joining) resolve(present);
    this.forgetUnwatched(key);
  }

  private forgetUnwatched(key: string): void {
    const thing = this.things.get(key);
    if (thing && thing.watchers.size === 0 && thing.joiners.length === 0) this.things.delete(key);
  }
}
