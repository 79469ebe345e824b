import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { jobStates, runOutcomes } from '../../src/modules/job/state-machine.js';

const glossary = await readFile(join(import.meta.dirname, '../../docs/glossary.md'), 'utf8');

it('the glossary has a row for each state of a job and each outcome of a run, and for no other', () => {
  const rows = [...glossary.matchAll(/^\| `(\w+)`/gm)].map((match) => match[1]);
  expect(rows).toEqual([...jobStates, ...runOutcomes]);
});
