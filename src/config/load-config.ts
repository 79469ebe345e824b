import type { Issue } from '../kernel/errors.js';
import type { RookeryConfig } from './config.js';
import { isSet, readEnvironment } from './environment.js';
import { readFlags } from './flags.js';
import { resolveConfig } from './resolve-config.js';
import { readSettingsFile } from './settings-file.js';
import { readSettingsObject } from './settings-object.js';
import type { RookerySettings } from './settings-schema.js';

export interface ConfigSources {
  /** The command line, without node and script. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where rookery.yaml is looked for, and what relative paths start from. */
  readonly cwd: string;
  /** Mistakes found elsewhere on the same command line, to be reported together with those of the settings. */
  readonly issues?: readonly Issue[];
}

/**
 * The settings of this process: defaults, then rookery.yaml, then the environment, then flags. Throws one `invalid_config`
 * that lists everything wrong in all of them, also values that a later source replaces.
 */
export function loadConfig({ argv, env, cwd, issues = [] }: ConfigSources): RookeryConfig {
  const fromFlags = readFlags(argv);
  const asked = fromFlags.config ?? (isSet(env, 'ROOKERY_CONFIG') ? env['ROOKERY_CONFIG'] : undefined);
  const sources = [readSettingsFile(cwd, asked), readEnvironment(env), fromFlags];
  return resolveConfig(sources, { cwd, issues });
}

/**
 * The settings of an application that hosts Rookery: defaults, then `settings`, then the environment (but PORT, which is
 * the application's own). Throws `invalid_config` as `loadConfig` does.
 */
export function defineConfig(
  settings: RookerySettings = {},
  env: ConfigSources['env'] = process.env,
): RookeryConfig {
  const own = readSettingsObject(settings, (path) => path.join('.') || 'the settings');
  const fromEnvironment = readEnvironment({ ...env, PORT: undefined });
  return resolveConfig([own, fromEnvironment], {
    cwd: process.cwd(),
    issues: [],
  });
}
