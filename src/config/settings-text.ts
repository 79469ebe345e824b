import { LineCounter, isMap, isScalar, parseDocument, type Document } from 'yaml';
import type { Issue } from '../kernel/errors.js';
import type { SourceReading } from './assignment.js';
import { readSettingsObject, type Locate } from './settings-object.js';
import { keyOf } from './settings-tree.js';

/** Reads settings from YAML text; `name` is the file's in messages. */
export function readSettingsText(yaml: string, name: string): SourceReading {
  const lines = new LineCounter();
  const document = parseDocument(yaml, { lineCounter: lines });
  if (document.errors.length > 0) {
    return { assignments: [], issues: document.errors.map((error) => yamlIssue(name, error, lines)) };
  }
  return readSettingsObject(document.toJS() as unknown, locateIn(document, name, lines));
}

function yamlIssue(
  name: string,
  error: { message: string; pos: [number, number] },
  lines: LineCounter,
): Issue {
  // The library draws the place below its first line; the line number says it shorter.
  const reason = (error.message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');
  return { path: `${name}:${lines.linePos(error.pos[0]).line}`, message: `is not valid YAML: ${reason}` };
}

function locateIn(document: Document.Parsed, name: string, lines: LineCounter): Locate {
  return (path) => {
    const parent = path.length > 1 ? document.getIn(path.slice(0, -1), true) : document.contents;
    const pair = isMap(parent)
      ? parent.items.find(({ key }) => isScalar(key) && String(key.value) === path.at(-1))
      : undefined;
    const offset = isScalar(pair?.key) ? pair.key.range?.[0] : undefined;
    const line = offset === undefined ? '' : `:${lines.linePos(offset).line}`;
    return [`${name}${line}`, keyOf(path)].filter((part) => part !== '').join(' ');
  };
}
