import { otherVariables } from './environment.js';
import { keyOf, queueLeaves, settingLeaves, type SettingLeaf } from './settings-tree.js';

const BEGIN = '<!-- settings: generated, rewrite with npm run docs:config -->';
const END = '<!-- /settings -->';
/** The formatter would pad every cell to the widest of its column. */
const UNFORMATTED = ['<!-- prettier-ignore-start -->', '<!-- prettier-ignore-end -->'] as const;

/** Every setting, variable and flag as Markdown tables, made from the schema. */
export function configTable(): string {
  const settings = settingLeaves.map((leaf) => [
    keyCell(leaf),
    leaf.variables.map(code).join(', '),
    flagOf(leaf),
    defaultOf(leaf),
    leaf.meta.form,
    leaf.meta.about,
  ]);
  const ofOneQueue = queueLeaves('NAME').map((leaf) => [keyCell(leaf), leaf.meta.form, leaf.meta.about]);
  return [
    table(['key', 'variable', 'flag', 'default', 'values', 'what it decides'], settings),
    'One queue’s own settings, in `rookery.yaml` only; what a queue leaves out it takes from `defaults`:',
    table(['key', 'values', 'what it decides'], ofOneQueue),
    'Variables that are no settings:',
    table(
      ['variable', 'what it decides'],
      Object.entries(otherVariables).map(([name, about]) => [code(name), about]),
    ),
  ].join('\n\n');
}

/** The page with its generated section rewritten. Throws when the page has lost the section's marks. */
export function withConfigTable(page: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the page lacks the lines ${BEGIN} and ${END}`);
  return `${page.slice(0, begin)}${BEGIN}\n${UNFORMATTED[0]}\n\n${configTable()}\n\n${UNFORMATTED[1]}\n${page.slice(end)}`;
}

function keyCell({ path, meta: { alias } }: SettingLeaf): string {
  return `${code(keyOf(path))}${alias === undefined ? '' : ` (also ${code(alias)})`}`;
}

function defaultOf({ defaultText, meta: { unset } }: SettingLeaf): string {
  return defaultText === undefined || defaultText === unset ? (unset ?? '') : code(defaultText);
}

function flagOf({ meta: { flag } }: SettingLeaf): string {
  if (!flag) return '';
  return [...(flag.short === undefined ? [] : [`-${flag.short}`]), `--${flag.name}`].map(code).join(', ');
}

function code(words: string): string {
  return `\`${words}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return lines.join('\n');
}
