import { z } from 'zod';
import { settingMeta, type SettingMeta } from './setting-kinds.js';
import { settingsSchema } from './settings-schema.js';

/** One setting with all its names. */
export interface SettingLeaf {
  readonly kind: 'setting';
  /** Its keys in rookery.yaml, outermost first. */
  readonly path: readonly string[];
  readonly schema: z.ZodType;
  readonly meta: SettingMeta;
  /** Its variables in the environment, the proper one first; none for a queue's own settings. */
  readonly variables: readonly string[];
  /** Its default as people write it; absent for a queue's own settings, whose default is in `defaults`. */
  readonly defaultText: string | undefined;
}

export interface SettingSection {
  readonly kind: 'section';
  readonly path: readonly string[];
  readonly children: ReadonlyMap<string, SettingNode>;
}

/** A section for each name that the user chooses. */
export interface SettingMap {
  readonly kind: 'map';
  readonly path: readonly string[];
  readonly entry: (name: string) => SettingSection;
}

export type SettingNode = SettingLeaf | SettingSection | SettingMap;

/** The schema as a tree of named settings. */
export const settingsTree: SettingSection = section(settingsSchema, []);

/** Every setting with a name of its own, in the order of the schema; those of single queues are under `queueSettingsOf`. */
export const settingLeaves: readonly SettingLeaf[] = leavesOf(settingsTree);

/** The settings of one queue, as its keys under `queues.<name>`. */
export function queueLeaves(name: string): readonly SettingLeaf[] {
  const node = settingsTree.children.get('queues');
  return node?.kind === 'map' ? leavesOf(node.entry(name)) : [];
}

/** A key as people write it: `defaults.timeout`. */
export function keyOf(path: readonly string[]): string {
  return path.join('.');
}

function leavesOf(from: SettingSection): SettingLeaf[] {
  return [...from.children.values()].flatMap((node) => {
    switch (node.kind) {
      case 'setting':
        return [node];
      case 'section':
        return leavesOf(node);
      case 'map':
        return [];
    }
  });
}

function section(schema: z.ZodObject, path: readonly string[]): SettingSection {
  const children = new Map<string, SettingNode>();
  for (const [key, child] of Object.entries<z.core.$ZodType>(schema.shape)) {
    children.set(key, node(child, [...path, key]));
  }
  return { kind: 'section', path, children };
}

function node(schema: z.core.$ZodType, path: readonly string[]): SettingNode {
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodObject) return section(inner, path);
  if (inner instanceof z.ZodRecord) {
    const entry = unwrapped(inner.valueType);
    if (!(entry instanceof z.ZodObject))
      throw new Error(`${keyOf(path)} maps names to something that is no section`);
    return { kind: 'map', path, entry: (name) => section(entry, [...path, name]) };
  }
  const meta = settingMeta.get(inner);
  if (!meta || !(schema instanceof z.ZodType))
    throw new Error(`${keyOf(path)} is made by no kind of setting`);
  const isOfOneQueue = path[0] === 'queues';
  return {
    kind: 'setting',
    path,
    schema,
    meta,
    variables: isOfOneQueue ? [] : variablesOf(path, meta),
    defaultText: isOfOneQueue ? undefined : defaultText(schema, meta),
  };
}

function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  let inner = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault || inner instanceof z.ZodOptional) {
    inner = inner.def.innerType;
  }
  return inner;
}

/** `defaults.retryConcurrency` is ROOKERY_DEFAULTS_RETRY_CONCURRENCY; a setting with a flag also goes by the flag's name. */
function variablesOf(path: readonly string[], meta: SettingMeta): string[] {
  const variable = meta.variable ?? `ROOKERY_${path.map(upperSnake).join('_')}`;
  if (meta.variable !== undefined || !meta.flag) return [variable];
  return [...new Set([variable, `ROOKERY_${meta.flag.name.replaceAll('-', '_').toUpperCase()}`])];
}

function upperSnake(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/** An empty list is written as nothing, and so told like a setting without a default. */
function defaultText(schema: z.ZodType, meta: SettingMeta): string {
  const written = schema instanceof z.ZodDefault ? meta.write(schema.def.defaultValue) : '';
  return written === '' ? (meta.unset ?? 'unset') : written;
}
