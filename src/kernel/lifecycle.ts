import { toError } from './errors.js';

/**
 * The one place that orders a shutdown. Modules register what they must do under a phase; `stop` runs the phases in
 * order, the steps of one phase side by side, each within its own budget. A step that fails or overruns is reported and
 * does not keep the later ones from running.
 */
export const shutdownPhases = [
  /** Readiness turns false; new requests are still answered while load balancers notice. */
  'unready',
  /** Nothing new is taken: workers stop taking tickets, duties stop. */
  'intake',
  /** Running jobs end, are aborted after the grace, and every outcome is settled. */
  'running',
  /** The worker's lease is given up. */
  'lease',
  /** Batchers, transport and other outlets are flushed and closed. */
  'outlets',
  /** Connections to PostgreSQL are closed, then an embedded server that nobody else uses. */
  'database',
] as const;

export type ShutdownPhase = (typeof shutdownPhases)[number];

interface Step {
  readonly phase: ShutdownPhase;
  readonly name: string;
  readonly budgetMs: number;
  readonly run: () => Promise<void> | void;
}

/** What became of a step that did not simply end well. */
export interface StepFailure {
  readonly phase: ShutdownPhase;
  readonly step: string;
  readonly error: Error;
}

/** Collects shutdown steps and runs them once, in phase order. */
export class Lifecycle {
  private readonly steps: Step[] = [];
  private readonly begun = new Set<ShutdownPhase>();
  private readonly underWay = new Set<Promise<void>>();
  private readonly failures: StepFailure[] = [];
  private readonly hurrying = new AbortController();
  private stopping: Promise<StepFailure[]> | undefined;

  /**
   * Adds a step; `budgetMs` bounds the wait for it, not the step itself. A step that comes when its phase has begun, because the
   * stop began while the application was still starting, runs at once, and no later phase begins before it has ended.
   */
  register(phase: ShutdownPhase, name: string, budgetMs: number, run: () => Promise<void> | void): void {
    const step = { phase, name, budgetMs, run };
    if (this.begun.has(phase)) this.begin(step);
    else this.steps.push(step);
  }

  /** True from the first call of `stop`. */
  get isStopping(): boolean {
    return this.stopping !== undefined;
  }

  /** True once no step is waited for any more. */
  get isHurried(): boolean {
    return this.hurrying.signal.aborted;
  }

  /** Runs all steps; a second call waits for the same run. Resolves with the steps that failed or overran. */
  stop(): Promise<StepFailure[]> {
    this.stopping ??= this.runPhases();
    return this.stopping;
  }

  /** Stops now: no step is waited for any more but those of the last phase, which leave nothing behind on the machine. */
  hurry(): void {
    this.hurrying.abort();
    void this.stop();
  }

  private async runPhases(): Promise<StepFailure[]> {
    for (const phase of shutdownPhases) {
      this.begun.add(phase);
      for (const step of this.steps.filter((one) => one.phase === phase)) this.begin(step);
      while (this.underWay.size > 0) await Promise.all(this.underWay);
    }
    return this.failures;
  }

  private begin(step: Step): void {
    const { phase, name } = step;
    const ended = withinBudget(step, phase === 'database' ? undefined : this.hurrying.signal)
      .catch((error: unknown) => void this.failures.push({ phase, step: name, error: toError(error) }))
      .finally(() => this.underWay.delete(ended));
    this.underWay.add(ended);
  }
}

async function withinBudget(step: Step, hurrying: AbortSignal | undefined): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let giveUp = (): void => undefined;
  const overrun = new Promise<never>((_, reject) => {
    giveUp = () => reject(new Error('was not waited for'));
    timer = setTimeout(() => reject(new Error(`did not end within ${step.budgetMs} ms`)), step.budgetMs);
    if (hurrying?.aborted) giveUp();
    hurrying?.addEventListener('abort', giveUp);
  });
  try {
    await Promise.race([Promise.resolve().then(step.run), overrun]);
  } finally {
    clearTimeout(timer);
    hurrying?.removeEventListener('abort', giveUp);
  }
}
