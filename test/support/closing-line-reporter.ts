import type { Reporter, TestModule, TestRunEndReason, TestSpecification, Vitest } from 'vitest/node';

/** How many tests ended how; a file that could not be loaded, and an error outside every test, count as one failure each. */
export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

/** The one line that scripts read: `12 passed, 0 failed`, and `, 3 skipped` when there are any. */
export function closingLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/**
 * Prints the closing line after everything else and fails a run that skipped a test: what is missing must be got, not
 * passed over. A run narrowed with `-t` skips by request and is left alone.
 */
export default class ClosingLineReporter implements Reporter {
  private vitest: Vitest | undefined;
  private startedModules = 0;

  onInit(vitest: Vitest): void {
    this.vitest = vitest;
  }

  onTestRunStart(specifications: readonly TestSpecification[]): void {
    this.startedModules = specifications.length;
  }

  onTestRunEnd(
    modules: readonly TestModule[],
    unhandledErrors: readonly unknown[],
    reason: TestRunEndReason,
  ): void {
    const tally = tallyOf(modules);
    tally.failed += unhandledErrors.length;
    // A file whose process died reports nothing, and silence must not pass for success.
    tally.failed += Math.max(0, this.startedModules - modules.length);
    const isNarrowed = this.vitest?.config.testNamePattern !== undefined;
    const isBad = tally.failed > 0 || reason !== 'passed' || (tally.skipped > 0 && !isNarrowed);
    if (isBad && !this.vitest?.config.watch) process.exitCode = 1;
    // Written at exit, when Vitest and the global teardown have said all they have to say.
    process.once('exit', () => process.stdout.write(`${closingLine(tally)}\n`));
  }
}

function tallyOf(modules: readonly TestModule[]): Tally {
  const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  for (const module of modules) {
    let own = 0;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed') tally.passed++;
      else if (state === 'failed') own++;
      else tally.skipped++;
    }
    // A failed file without a failed test: its imports or its hooks threw.
    tally.failed += own === 0 && module.state() === 'failed' ? 1 : own;
  }
  return tally;
}
