import { CliError } from './cli-error.js';
import { exitCodes, type ExitCode } from './exit-codes.js';

/** An error of the API: RFC 9457 with a stable code. Every field may be missing, when something else answered. */
interface Problem {
  readonly code?: string;
  readonly title?: string;
  readonly detail?: string;
  /** Where the server's log tells more. */
  readonly instance?: string;
  readonly issues?: readonly { readonly path?: string; readonly message?: string }[];
}

/** More places than this fill a screen; the count of the rest is told. */
const MOST_ISSUES = 20;

/** The error for an answer that is no success, in lines a person reads. */
export function problemError(status: number, body: unknown): CliError {
  const problem: Problem = typeof body === 'object' && body !== null ? body : {};
  const { code, detail, title, instance } = problem;
  const text = detail ?? title ?? `the server answered ${status}`;
  const issues = Array.isArray(problem.issues) ? (problem.issues as NonNullable<Problem['issues']>) : [];
  return new CliError(
    exitCodeOf(status),
    code === undefined ? text : `${code}: ${text}`,
    [...(isTold(issues, text) ? [] : issueLines(issues)), ...(instance === undefined ? [] : [instance])],
    body,
  );
}

/** Whether the text already says what each issue says, as it does for one or two. */
function isTold(issues: NonNullable<Problem['issues']>, text: string): boolean {
  return issues.every(({ path = '', message = '' }) => text.includes(path) && text.includes(message));
}

function issueLines(issues: NonNullable<Problem['issues']>): string[] {
  const lines = issues
    .slice(0, MOST_ISSUES)
    .map(({ path = '', message = '' }) => (path === '' ? message : `${path}: ${message}`));
  if (issues.length > MOST_ISSUES) lines.push(`and ${issues.length - MOST_ISSUES} more`);
  return lines;
}

/** What an answer that is no success comes to: 502, 503 and 504 pass by themselves. */
export function exitCodeOf(status: number): ExitCode {
  switch (status) {
    case 404:
      return exitCodes.notFound;
    case 502:
    case 503:
    case 504:
      return exitCodes.unreachable;
    default:
      return exitCodes.refused;
  }
}
