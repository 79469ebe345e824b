/** Lets callers go one after the other, in the order they came. */
export class Turns {
  private last: Promise<unknown> = Promise.resolve();

  /** Runs the work when all earlier ones have ended, however they ended. */
  take<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.last.then(work);
    this.last = turn.catch(() => undefined);
    return turn;
  }
}
