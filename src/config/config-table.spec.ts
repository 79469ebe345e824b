import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { configTable, withConfigTable } from './config-table.js';
import { flags } from './flags.js';
import { settingLeaves } from './settings-tree.js';

it('holds every setting, variable and flag', () => {
  const table = configTable();
  for (const { path, variables } of settingLeaves) {
    for (const name of [path.join('.'), ...variables]) expect(table).toContain(`\`${name}\``);
  }
  const settingFlags = flags.filter(({ name }) => !['entry', 'config', 'help', 'version'].includes(name));
  for (const { name } of settingFlags) expect(table).toContain(`\`--${name}\``);
});

it('tells the default of every setting, also of one whose default is an empty list', () => {
  const [settings = ''] = configTable().split('\n\n');
  const defaults = settings.split('\n').map((row) => row.split(' | ')[3]);
  expect(defaults.length).toBeGreaterThan(settingLeaves.length);
  expect(defaults.filter((cell) => cell === undefined || /^`*$/.test(cell))).toEqual([]);
});

it('is what docs/configuration.md shows; npm run docs:config rewrites it', () => {
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  expect(page).toBe(withConfigTable(page));
});

it('does not rewrite a page that lost its marks', () => {
  expect(() => withConfigTable('# Configuration')).toThrow('the page lacks the lines');
});
