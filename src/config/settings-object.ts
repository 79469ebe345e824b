import type { Issue } from '../kernel/errors.js';
import type { Assignment, SourceReading } from './assignment.js';
import { QUEUE_NAME, QUEUE_NAME_FORM, show } from './setting-kinds.js';
import {
  keyOf,
  settingLeaves,
  settingsTree,
  type SettingNode,
  type SettingSection,
} from './settings-tree.js';
import { suggestion } from './suggestion.js';
import { isRecord } from '../kernel/json.js';

/** Words for a place in an object of settings: adds the file and the line where there are some. */
export type Locate = (path: readonly string[]) => string;

/** Keys people expect here that are no settings, with where to say it instead. */
const elsewhere: Readonly<Record<string, string>> = {
  entry: 'the entry is chosen by --entry or ROOKERY_ENTRY',
  entries: 'the entry is chosen by --entry or ROOKERY_ENTRY',
};

/** Reads an object of settings, from rookery.yaml or from code; every unknown key is an issue that names the nearest known one. */
export function readSettingsObject(settings: unknown, locate: Locate): SourceReading {
  const reader = new ObjectReader(locate);
  reader.read(settingsTree, settings);
  return reader;
}

class ObjectReader implements SourceReading {
  readonly assignments: Assignment[] = [];
  readonly issues: Issue[] = [];

  constructor(private readonly locate: Locate) {}

  read(node: SettingNode, value: unknown, at: readonly string[] = node.path): void {
    if (value === undefined) return;
    switch (node.kind) {
      case 'setting':
        if (value === null) this.report(at, 'has no value; give it one or remove the key');
        else this.assignments.push({ leaf: node, value, origin: this.locate(at) });
        return;
      case 'section':
        this.readSection(node, value);
        return;
      case 'map':
        for (const [name, entry] of this.entries(node.path, value)) {
          if (QUEUE_NAME.test(name)) this.read(node.entry(name), entry);
          else this.report([...node.path, name], `${show(name)} is not ${QUEUE_NAME_FORM}`);
        }
        return;
    }
  }

  private readSection(section: SettingSection, value: unknown): void {
    const shorthand = section.children.get('enabled');
    if (typeof value === 'boolean' && shorthand) {
      this.read(shorthand, value, section.path);
      return;
    }
    const seen = new Map<SettingNode, string>();
    for (const [key, child] of this.entries(section.path, value)) {
      const at = [...section.path, key];
      const node = childOf(section, key);
      const earlier = node && seen.get(node);
      if (!node) this.report(at, unknownKey(section, key));
      else if (earlier !== undefined) this.report(at, `means the same as ${earlier}; keep one of them`);
      else {
        seen.set(node, key);
        this.read(node, child, node.kind === 'setting' ? at : node.path);
      }
    }
  }

  /** An empty section is fine: all of its lines may be commented out. */
  private entries(path: readonly string[], value: unknown): [string, unknown][] {
    if (isRecord(value)) return Object.entries(value);
    if (value !== null) this.report(path, `${show(value)} is not a section with keys of its own`);
    return [];
  }

  private report(at: readonly string[], message: string): void {
    this.issues.push({ path: this.locate(at), message });
  }
}

function childOf(section: SettingSection, key: string): SettingNode | undefined {
  const child = section.children.get(key);
  if (child) return child;
  return [...section.children.values()].find((node) => node.kind === 'setting' && node.meta.alias === key);
}

function unknownKey(section: SettingSection, key: string): string {
  const instead = section.path.length === 0 && Object.hasOwn(elsewhere, key) ? elsewhere[key] : undefined;
  if (instead !== undefined) return `is no setting; ${instead}`;
  const near = suggestion(key, namesIn(section)) ?? settingElsewhere(key);
  if (near !== undefined) return `is no setting; did you mean ${near}?`;
  return `is no setting; known here: ${[...section.children.keys()].join(', ')}`;
}

function namesIn(section: SettingSection): string[] {
  return [...section.children.values()].flatMap((node) => {
    const name = node.path.at(-1) ?? '';
    return node.kind === 'setting' && node.meta.alias !== undefined ? [name, node.meta.alias] : [name];
  });
}

/** The full key of a setting whose last word was written in the wrong section: `port` is `http.port`. */
function settingElsewhere(key: string): string | undefined {
  const lastWords = new Map(settingLeaves.map((leaf) => [leaf.path.at(-1) ?? '', keyOf(leaf.path)]));
  const near = suggestion(key, lastWords.keys());
  return near === undefined ? undefined : lastWords.get(near);
}
