import { Inject, Injectable } from '@nestjs/common';
import { suggestion } from '../../../config/index.js';
import { RookeryError, type ErrorCode, type Issue } from '../../../kernel/errors.js';
import { IdGenerator } from '../../../kernel/ids.js';
import { Database } from '../../database/index.js';
import { JobPreparer, MOST_ISSUES_AN_ITEM, type JobRequest } from '../job-preparer.js';
import { JobRegistry } from '../job.registry.js';
import { JobService } from '../job.service.js';
import type { BulkEntry } from './bulk-body.js';
import { readBy } from './checked-by.js';
import { jobRequest } from './job-request.dto.js';

/** Problems repeated in the message; all are in `issues`. */
const MOST_IN_MESSAGE = 10;

/** What is wrong with one entry, and which: `index` from 0, `line` from 1. */
interface EntryIssue extends Issue {
  readonly code: ErrorCode;
  readonly index: number;
  readonly line?: number;
}

type Reading = { readonly request: JobRequest } | { readonly issues: readonly EntryIssue[] };

/** Enqueues jobs of any types in one transaction, and names everything that is wrong with any of them at once. */
@Injectable()
export class BulkEnqueuer {
  private readonly preparer: JobPreparer;

  constructor(
    private readonly jobs: JobService,
    private readonly registry: JobRegistry,
    @Inject(IdGenerator) ids: IdGenerator,
    database: Database,
  ) {
    this.preparer = new JobPreparer(ids, database.clock);
  }

  /**
   * Stores all jobs, or none; with `skip` the duplicates are left out, and their place holds the id of the job they met. Throws
   * `invalid_request`, or the one code that all problems share, with every bad entry; `duplicate_job` with every duplicate.
   */
  async enqueue(entries: readonly BulkEntry[], onDuplicate: 'fail' | 'skip'): Promise<string[]> {
    const readings = entries.map((entry, index) => this.read(entry, index));
    const requests = readings.flatMap((reading) => ('request' in reading ? [reading.request] : []));
    if (requests.length < readings.length) throw badEntries(await this.issuesIn(readings), entries);
    try {
      return await this.jobs.enqueueRequests(requests, { onDuplicate });
    } catch (error) {
      throw withLines(error, entries);
    }
  }

  private read(entry: BulkEntry, index: number): Reading {
    const issue = (code: ErrorCode, path: string, message: string): EntryIssue => ({
      code,
      index,
      path: pathIn(index, path),
      message,
    });
    if (entry.problem !== undefined) return { issues: [issue('malformed_json', '', entry.problem)] };
    const reading = readBy(jobRequest, entry.value);
    if ('issues' in reading) {
      const issues = reading.issues.slice(0, MOST_ISSUES_AN_ITEM);
      return {
        issues: issues.map(({ path, message }) =>
          issue('invalid_request', path === 'body' ? '' : path, message),
        ),
      };
    }
    const { name, payload, options } = reading.value;
    const type = this.registry.find(name);
    if (type) return { request: { type, payload, options } };
    const meant = suggestion(
      name,
      this.registry.all.map((known) => known.name),
    );
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
    return {
      issues: [
        issue(
          'unknown_job_name',
          'name',
          `is ${JSON.stringify(name.slice(0, 128))}, which is no job type${hint}`,
        ),
      ],
    };
  }

  /** The problems of bad entries, and those behind the surface of the others, so that one answer tells all. */
  private async issuesIn(readings: readonly Reading[]): Promise<EntryIssue[]> {
    const issues: EntryIssue[] = [];
    for (const [index, reading] of readings.entries()) {
      if ('issues' in reading) issues.push(...reading.issues);
      else issues.push(...(await this.issuesOf(reading.request, index)));
    }
    return issues;
  }

  private async issuesOf(request: JobRequest, index: number): Promise<EntryIssue[]> {
    try {
      await this.preparer.prepare(request);
      return [];
    } catch (error) {
      if (!(error instanceof RookeryError)) throw error;
      const { issues = [{ path: '', message: error.message }] } = error.details as {
        readonly issues?: readonly Issue[];
      };
      return issues
        .slice(0, MOST_ISSUES_AN_ITEM)
        .map(({ path, message }) => ({ code: error.code, index, path: pathIn(index, path), message }));
    }
  }
}

function pathIn(index: number, path: string): string {
  return path === '' ? `[${index}]` : `[${index}].${path}`;
}

function badEntries(issues: readonly EntryIssue[], entries: readonly BulkEntry[]): RookeryError {
  const codes = new Set(issues.map((issue) => issue.code));
  const [first] = codes;
  const code = codes.size === 1 && first ? first : 'invalid_request';
  const count = new Set(issues.map((issue) => issue.index)).size;
  const listed = issues.slice(0, MOST_IN_MESSAGE).map((issue) => `${issue.path} ${issue.message}`);
  const message = `${count} of ${entries.length} jobs are invalid, nothing was stored: ${listed.join('; ')}${issues.length > listed.length ? '; …' : ''}`;
  return new RookeryError(code, message, { issues: issues.map((issue) => numbered(issue, entries)) });
}

/** The service's error with the line of each entry it names. */
function withLines(error: unknown, entries: readonly BulkEntry[]): unknown {
  if (!(error instanceof RookeryError)) return error;
  const { issues, duplicates } = error.details as {
    readonly issues?: readonly (Issue & { readonly code: ErrorCode })[];
    readonly duplicates?: readonly { readonly index: number }[];
  };
  if (issues) {
    const indexed = issues.map((issue) => ({
      ...issue,
      index: Number(/^\[(\d+)\]/.exec(issue.path)?.[1] ?? 0),
    }));
    return badEntries(indexed, entries);
  }
  if (!duplicates) return error;
  const details = {
    ...error.details,
    duplicates: duplicates.map((duplicate) => numbered(duplicate, entries)),
  };
  return new RookeryError(error.code, error.message, details, { cause: error });
}

function numbered<Named extends { readonly index: number }>(
  named: Named,
  entries: readonly BulkEntry[],
): Named & { line?: number } {
  const line = entries[named.index]?.line;
  return line === undefined ? named : { ...named, line };
}
