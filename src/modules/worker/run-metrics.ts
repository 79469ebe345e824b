import type { Cell, Counter, Distribution, Metrics, Spread } from '../../kernel/metrics.js';
import { idTime } from '../../kernel/ids.js';
import type { ClaimedJob, JobState, RunOutcome } from '../job/index.js';

const WAIT_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60, 300, 1_800, 7_200];
const RUN_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800];

/** The cells of one job type, looked up once a run. */
interface TypeCells {
  readonly claimed: Cell;
  readonly wait: Spread;
  readonly run: Spread;
  readonly settled: Map<RunOutcome, Cell>;
  readonly finished: Map<JobState, Cell>;
}

/** What this process's runs come to, by job type. */
export class RunMetrics {
  private readonly claimed: Counter;
  private readonly settled: Counter;
  private readonly finished: Counter;
  private readonly wait: Distribution;
  private readonly run: Distribution;
  private readonly types = new Map<string, TypeCells>();

  constructor(metrics: Metrics) {
    const labels = ['queue', 'name'] as const;
    this.claimed = metrics.counter('rookery_jobs_claimed_total', 'Runs begun by this process', ...labels);
    this.settled = metrics.counter(
      'rookery_jobs_settled_total',
      'Runs of this process that ended, by outcome',
      ...labels,
      'outcome',
    );
    this.finished = metrics.counter(
      'rookery_jobs_finished_total',
      'Jobs that a run of this process brought to their end',
      ...labels,
      'status',
    );
    this.wait = metrics.distribution(
      'rookery_job_wait_seconds',
      'From when a job could run to when it began',
      WAIT_SECONDS,
      ...labels,
    );
    this.run = metrics.distribution('rookery_job_run_seconds', 'How long runs took', RUN_SECONDS, ...labels);
  }

  began({ queue, name, id, dueAt, startedAt }: ClaimedJob): void {
    const cells = this.cellsOf(queue, name);
    cells.claimed.value++;
    cells.wait.observe(Math.max(0, startedAt.getTime() - (dueAt?.getTime() ?? idTime(id))) / 1_000);
  }

  /** A run has ended and its outcome is recorded; `status` is what its job is now. */
  ended({ queue, name }: ClaimedJob, outcome: RunOutcome, status: JobState, ms: number): void {
    const { run, settled, finished } = this.cellsOf(queue, name);
    run.observe(ms / 1_000);
    let cell = settled.get(outcome);
    if (!cell) settled.set(outcome, (cell = this.settled.of(queue, name, outcome)));
    cell.value++;
    if (status === 'waiting') return;
    let end = finished.get(status);
    if (!end) finished.set(status, (end = this.finished.of(queue, name, status)));
    end.value++;
  }

  /** Types that are claimed are those with a handler here: as many as the code has. */
  private cellsOf(queue: string, name: string): TypeCells {
    let cells = this.types.get(name);
    if (!cells) {
      const at = [queue, name] as const;
      cells = {
        claimed: this.claimed.of(...at),
        wait: this.wait.of(...at),
        run: this.run.of(...at),
        settled: new Map(),
        finished: new Map(),
      };
      this.types.set(name, cells);
    }
    return cells;
  }
}
