import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { problemKinds } from './problem.js';

const page = readFileSync(new URL('../../../../docs/rest.md', import.meta.url), 'utf8');
/** They end a boot, or are told to code or in a job's history. */
const NO_ANSWER = ['invalid_config', 'no_transaction', 'schema_newer', 'unstorable_result'];

describe('the page about REST', () => {
  it('lists every error there is, each with its status', () => {
    const listed = [...page.matchAll(/^\| (\d{3}) +\| `([a-z_]+)`/gm)].map(
      ([, status, code]) => `${status} ${code}`,
    );
    const answered = Object.entries(problemKinds)
      .filter(([code]) => !NO_ANSWER.includes(code))
      .map(([code, { status }]) => `${status} ${code}`);
    expect(listed.toSorted()).toEqual(answered.toSorted());
    for (const code of NO_ANSWER) expect(page).toContain(`\`${code}\``);
  });
});
