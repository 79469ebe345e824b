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
  /** Who came since the last read began. */
  joiners: Joiner[];
  /** Whom the read under way is for. */
  joining: Joiner[];
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
      const thing = this.things.get(key) ?? {
        seen: undefined,
        watchers: new Set<Watcher>(),
        joiners: [],
        joining: [],
      };
      this.things.set(key, thing);
      thing.joiners.push({ watcher, resolve, reject });
      this.readAfter(JOIN_MS);
    });
  }

  /** Tells the watcher no more of the thing; if it was still to be told of its state, that is as if there were no such thing. */
  remove(key: string, watcher: Watcher): void {
    const thing = this.things.get(key);
    if (!thing) return;
    thing.watchers.delete(watcher);
    for (const { watcher: joiner, resolve } of [...thing.joiners, ...thing.joining])
      if (joiner === watcher) resolve(undefined);
    const isAnother = (joiner: Joiner): boolean => joiner.watcher !== watcher;
    thing.joiners = thing.joiners.filter(isAnother);
    thing.joining = thing.joining.filter(isAnother);
    this.forgetUnwatched(key, thing);
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
    const read = new Map(this.things);
    for (const thing of read.values()) [thing.joining, thing.joiners] = [thing.joiners, []];
    try {
      const states = await this.options.read([...read.keys()]);
      for (const [key, thing] of read) this.tell(thing, states.get(key));
    } catch (error) {
      this.options.onError(error);
      for (const { joining } of read.values()) for (const { reject } of joining) reject(error);
    }
    for (const [key, thing] of read) {
      thing.joining = [];
      this.forgetUnwatched(key, thing);
    }
    this.isReading = false;
    const hasJoiners = [...this.things.values()].some((thing) => thing.joiners.length > 0);
    if (this.things.size > 0) this.readAfter(hasJoiners ? JOIN_MS : this.options.paceMs);
  }

  private tell(thing: Watched<State>, state: State | undefined): void {
    if (state !== undefined) {
      const text = thing.seen === undefined ? '' : this.options.changes(thing.seen, state);
      if (text !== '') for (const watcher of thing.watchers) watcher.push(text);
      thing.seen = state;
      for (const { watcher } of thing.joining) thing.watchers.add(watcher);
    }
    const present = state === undefined ? undefined : this.options.present(state);
    for (const { resolve } of thing.joining) resolve(present);
  }

  private forgetUnwatched(key: string, thing: Watched<State>): void {
    const { watchers, joiners, joining } = thing;
    if (watchers.size + joiners.length + joining.length > 0) return;
    // It may have been forgotten during a read, and be watched anew since.
    if (this.things.get(key) === thing) this.things.delete(key);
  }
}
