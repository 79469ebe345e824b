/** What the process's exit code means; `--help` tells the same. */
export const exitCodes = {
  /** Stopped as asked, or printed what was asked for. */
  stopped: 0,
  /** Could not start or go on, or was stopped at once by a second signal. */
  failed: 1,
  /** A flag, a variable or the settings file is wrong; nothing was started. */
  misconfigured: 2,
} as const;
