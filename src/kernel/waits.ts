/** Waits that can all be ended early. */
export class Waits {
  private readonly open = new Set<() => void>();
  private isOver = false;

  /** Resolves after so many ms, with the first of these events, or when `end` is called; at once after `stop`. */
  atMost(ms: number, events: readonly Promise<void>[] = []): Promise<void> {
    if (this.isOver) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.open.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.open.add(end);
      for (const event of events) void event.then(end);
    });
  }

  /** Ends every wait that is under way. */
  end(): void {
    for (const end of [...this.open]) end();
  }

  /** Ends every wait, and all that come later. */
  stop(): void {
    this.isOver = true;
    this.end();
  }
}
