import type { Type as Class } from '@nestjs/common';
import {
  JobHandler,
  type Handler,
  type JobContext,
  type JobType,
  type Payload,
} from '../../src/modules/job/index.js';

/** What a scripted handler does, in place of a class written out in each test. */
export interface Script<Type extends JobType> {
  handle(payload: Payload<Type>, ctx: JobContext): unknown;
  onError?: Handler<Type>['onError'];
}

/** A handler class for `startApp`, made of functions. */
export function handlerOf<Type extends JobType>(
  type: Type,
  script: Script<Type> | Script<Type>['handle'],
): Class<Handler> {
  const { handle, onError }: Script<Type> = typeof script === 'function' ? { handle: script } : script;
  class ScriptedHandler {
    handle(payload: Payload<Type>, ctx: JobContext): unknown {
      return handle(payload, ctx);
    }
  }
  JobHandler(type)(ScriptedHandler);
  if (onError) Object.assign(ScriptedHandler.prototype, { onError });
  return ScriptedHandler;
}

/** Something a test lets happen when it wants it to. */
export interface Gate<Value = void> {
  readonly opened: Promise<Value>;
  open(value: Value): void;
}

export function gate<Value = void>(): Gate<Value> {
  let open: (value: Value) => void = () => undefined;
  const opened = new Promise<Value>((resolve) => (open = resolve));
  return { opened, open };
}

/** Resolves with the signal's reason once it aborts. */
export function aborted(signal: AbortSignal): Promise<unknown> {
  if (signal.aborted) return Promise.resolve(signal.reason);
  return new Promise((resolve) =>
    signal.addEventListener('abort', () => resolve(signal.reason), { once: true }),
  );
}

/** Ends as a well-behaved handler does: with the reason of its signal, once that aborts. */
export async function untilAborted({ signal }: JobContext): Promise<never> {
  throw await aborted(signal);
}

/** Counts, and tells when a number has been reached. */
export class Tally {
  private waiters: { readonly wanted: number; readonly resolve: () => void }[] = [];
  private reached = 0;

  get count(): number {
    return this.reached;
  }

  add(): void {
    this.reached++;
    for (const { wanted, resolve } of this.waiters) if (this.reached >= wanted) resolve();
    this.waiters = this.waiters.filter(({ wanted }) => this.reached < wanted);
  }

  /** Resolves when `add` has been called that often. */
  reaches(wanted: number): Promise<void> {
    if (this.reached >= wanted) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push({ wanted, resolve }));
  }
}
