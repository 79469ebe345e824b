import { isIP } from 'node:net';
import { z } from 'zod';
import { formatDuration, parseDuration } from '../kernel/durations.js';
import { readApiTokens, type ApiToken } from './api-tokens.js';

/**
 * The kinds of settings. Each reads a value as it comes from YAML, code, a variable or a flag (so a number may arrive as
 * text) and answers the value, or what is wrong with it and how to write it. Beside its schema each carries what people
 * need to know about it, from which `--help` and docs/configuration.md are made.
 */

/** A flag that sets a setting; `argument` names its value in `--help`, absent for a switch. */
export interface SettingFlag {
  readonly name: string;
  readonly short?: string;
  readonly argument?: string;
  /** True when it may stand without its value; with one it is written `--name=value`. */
  readonly isArgumentOptional?: boolean;
}

/** What people need to know about a setting. */
export interface SettingFacts {
  /** What it decides, as one sentence without its default. */
  readonly about: string;
  readonly flag?: SettingFlag;
  /** The environment variable, where it is not the key in capitals behind `ROOKERY_`. */
  readonly variable?: string;
  /** Another key that means the same. */
  readonly alias?: string;
  /** True when messages must not show the value. */
  readonly isSecret?: boolean;
  /** What stands for the default of a setting that has none, or an empty one. */
  readonly unset?: string;
}

export interface SettingMeta extends SettingFacts {
  /** The values it takes, for people. */
  readonly form: string;
  /** A default as people write it. */
  readonly write: (value: unknown) => string;
  /** True when a flag may give the duration as a bare number of milliseconds. */
  readonly isBareMsInFlag?: boolean;
}

/** Where the schema of a setting finds what people need to know about it. */
export const settingMeta = z.registry<SettingMeta>();

type Reading<Out> = { readonly value: Out } | { readonly problem: string };

function setting<In, Out>(meta: SettingMeta, read: (value: unknown) => Reading<Out>) {
  return z
    .custom<In>()
    .transform((value, context): Out => {
      const reading = read(value);
      if ('value' in reading) return reading.value;
      context.addIssue({ code: 'custom', message: reading.problem });
      return z.NEVER;
    })
    .register(settingMeta, meta);
}

export function integer(facts: SettingFacts & { min: number; max: number }) {
  const { min, max } = facts;
  const form = `${min}…${max}`;
  return setting<number, number>({ ...facts, form, write: String }, (value) => {
    const number = typeof value === 'string' && /^[+-]?\d+$/.test(value.trim()) ? Number(value) : value;
    if (typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max)
      return { value: number };
    return { problem: `${show(value)} is not a whole number from ${min} to ${max}` };
  });
}

interface DurationFacts extends SettingFacts {
  readonly minMs: number;
  readonly maxMs: number;
  readonly isBareMsInFlag?: boolean;
}

export function duration(facts: DurationFacts) {
  const form = durationForm(facts);
  return setting<string, number>({ ...facts, form, write: writeDuration }, (value) =>
    readDuration(value, facts),
  );
}

/** A duration that may also be `none`, which is read as null. */
export function durationOrNone(facts: DurationFacts) {
  const form = `${durationForm(facts)}, or none`;
  return setting<string, number | null>({ ...facts, form, write: writeDuration }, (value) =>
    value === 'none' ? { value: null } : readDuration(value, facts, ', or none'),
  );
}

function readDuration(value: unknown, { minMs, maxMs }: DurationFacts, orNone = ''): Reading<number> {
  const bare = typeof value === 'number' ? String(value) : typeof value === 'string' ? value.trim() : '';
  if (/^[+-]?\d+(\.\d+)?$/.test(bare)) {
    return { problem: `${bare} could be ${bare}ms or ${bare}s; write "${bare}ms" or "${bare}s"` };
  }
  const ms = typeof value === 'string' ? parseDuration(value) : undefined;
  if (ms === undefined) {
    return {
      problem: `${show(value)} is not a duration; write a number and a unit (ms, s, m, h, d), as "30s"${orNone}`,
    };
  }
  if (ms < minMs) return { problem: `${show(value)} is too short; the least is ${formatDuration(minMs)}` };
  if (ms > maxMs) return { problem: `${show(value)} is too long; the most is ${formatDuration(maxMs)}` };
  return { value: ms };
}

function durationForm({ minMs, maxMs }: DurationFacts): string {
  return `${formatDuration(minMs)}…${formatDuration(maxMs)}`;
}

function writeDuration(value: unknown): string {
  return typeof value === 'number' ? formatDuration(value) : 'none';
}

export function boolean(facts: SettingFacts) {
  return setting<boolean, boolean>({ ...facts, form: 'true or false', write: String }, (value) => {
    if (value === true || value === 'true' || value === '1') return { value: true };
    if (value === false || value === 'false' || value === '0') return { value: false };
    return { problem: `${show(value)} is neither true nor false` };
  });
}

export function oneOf<const Choice extends string>(choices: readonly Choice[], facts: SettingFacts) {
  return setting<Choice, Choice>({ ...facts, form: choices.join(', '), write: String }, (value) => {
    const choice = choices.find((candidate) => candidate === value);
    return choice === undefined
      ? { problem: `${show(value)} is none of ${choices.join(', ')}` }
      : { value: choice };
  });
}

/** Text of a given shape; `form` tells people which. */
export function text(facts: SettingFacts & { form: string; pattern: RegExp }) {
  return setting<string, string>({ ...facts, write: String }, (value) => {
    if (typeof value === 'string' && facts.pattern.test(value)) return { value };
    return { problem: `${facts.isSecret === true ? 'the value' : show(value)} is not ${facts.form}` };
  });
}

/** A switch that may instead be given a text of that shape. */
export function switchOrText(facts: SettingFacts & { form: string; pattern: RegExp }) {
  const form = `true, false, or ${facts.form}`;
  return setting<boolean | string, boolean | string>({ ...facts, form, write: String }, (value) => {
    if (value === true || value === 'true') return { value: true };
    if (value === false || value === 'false') return { value: false };
    if (typeof value === 'string' && facts.pattern.test(value)) return { value };
    return { problem: `${show(value)} is neither true, false nor ${facts.form}` };
  });
}

/** Letters of a queue's name: it also stands in subjects and paths. */
export const QUEUE_NAME = /^[a-z0-9_-]{1,64}$/;
export const QUEUE_NAME_FORM = 'a queue name: 1 to 64 of a-z, 0-9, _ and -';

/** Names of queues, as a list or with commas between; at least one, repeats dropped. */
export function queueNameList(facts: SettingFacts) {
  return setting<readonly string[], readonly string[]>(
    { ...facts, form: 'names with commas between', write: String },
    (value) => {
      const names: unknown[] =
        typeof value === 'string' ? splitList(value) : Array.isArray(value) ? value : [value];
      if (names.length === 0) return { problem: `${show(value)} names no queue` };
      const wrong = names.find((name) => typeof name !== 'string' || !QUEUE_NAME.test(name));
      if (wrong !== undefined) return { problem: `${show(wrong)} is not ${QUEUE_NAME_FORM}` };
      return { value: [...new Set(names as string[])] };
    },
  );
}

/** Tokens of the API, as a list or with commas between. Messages name a token by its position. */
export function tokenList(facts: SettingFacts) {
  return setting<readonly string[], readonly ApiToken[]>(
    { ...facts, isSecret: true, form: 'label:role:secret with commas between', write: String },
    (value) => readApiTokens(typeof value === 'string' ? splitList(value) : [value].flat()),
  );
}

/** Addresses and networks, as a list or with commas between. */
export function addressList(facts: SettingFacts) {
  return setting<readonly string[], readonly string[]>(
    { ...facts, form: 'addresses and networks with commas between', write: String },
    (value) => {
      const parts: unknown[] = typeof value === 'string' ? splitList(value) : [value].flat();
      const wrong = parts.find((part) => typeof part !== 'string' || !isNetwork(part));
      if (wrong !== undefined)
        return { problem: `${show(wrong)} is no address, as "10.0.0.7", and no network, as "10.0.0.0/8"` };
      return { value: parts as string[] };
    },
  );
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

/** The parts of `a, b,c` without blanks and empty ones. */
export function splitList(list: string): string[] {
  return list
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** A value as a message quotes it, cut to one line. */
export function show(value: unknown): string {
  // A function or a symbol, which only settings in code can hold, has no JSON.
  const shown = (JSON.stringify(value) as string | undefined) ?? `a value of type ${typeof value}`;
  return shown.length > 80 ? `${shown.slice(0, 79)}…` : shown;
}
