/** What the exit code of `rookery` means. `--help` and docs/cli.md tell the same. */
export const exitCodes = {
  /** Done as asked. */
  ok: 0,
  /** The server refused the request, or failed. */
  refused: 1,
  /** The command line is wrong; nothing was sent. */
  usage: 2,
  /** Nothing answers at the URL, or it answers that it cannot serve now; worth another try. */
  unreachable: 3,
  /** There is no such job, batch, schedule, queue or worker. */
  notFound: 4,
  /** The job, or a job of the batch, that was waited for ended failed or canceled. */
  jobFailed: 5,
  /** The time of `--wait` was over before the job was. */
  waitOver: 6,
  /** `doctor` found a problem. */
  unwell: 7,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The exit codes as `--help` lists them. */
export const exitCodesHelp = `Exit codes:
  0  done as asked
  1  the server refused the request, or failed
  2  the command line is wrong; nothing was sent
  3  nothing answers at the URL, or it cannot serve now; worth another try
  4  there is no such job, batch, schedule, queue or worker
  5  the job, or a job of the batch, that was waited for ended failed or canceled
  6  the time of --wait was over before the job was
  7  doctor found a problem`;
