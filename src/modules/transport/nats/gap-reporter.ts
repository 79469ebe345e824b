/** Gaps that follow closer are one report: a look at the table for each of a thousand refused offers would be a load of its own. */
const REPORT_EVERY_MS = 100;

/** Reports lost tickets to whoever looks at the table then: the first at once, a flood of them a few times a second. */
export class GapReporter {
  private readonly gaps = new Set<string | undefined>();
  private timer: NodeJS.Timeout | undefined;
  private isReporting = false;

  constructor(private readonly report: (queue: string | undefined) => void) {}

  /** Tickets of that queue, or of any queue, were lost. */
  note(queue: string | undefined): void {
    this.gaps.add(queue);
    if (this.timer || this.isReporting) return;
    this.isReporting = true;
    queueMicrotask(() => this.flush());
  }

  stop(): void {
    clearTimeout(this.timer);
    this.gaps.clear();
  }

  private flush(): void {
    this.isReporting = false;
    this.timer = undefined;
    if (this.gaps.size === 0) return;
    for (const queue of this.gaps) this.report(queue);
    this.gaps.clear();
    this.timer = setTimeout(() => this.flush(), REPORT_EVERY_MS).unref();
  }
}
