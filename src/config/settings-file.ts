import { existsSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { toError } from '../kernel/errors.js';
import type { SourceReading } from './assignment.js';
import { readSettingsText } from './settings-text.js';

export const SETTINGS_FILE = 'rookery.yaml';

/**
 * Reads the settings file: the one asked for, which must exist, or `rookery.yaml` in `cwd`, which need not. Never throws;
 * what is wrong with the file is among the issues.
 */
export function readSettingsFile(cwd: string, asked: string | undefined): SourceReading {
  const path = resolve(cwd, asked ?? SETTINGS_FILE);
  const name = asked ?? basename(path);
  if (asked === undefined && !existsSync(path)) {
    const isMisnamed = existsSync(join(cwd, 'rookery.yml'));
    return isMisnamed
      ? broken('rookery.yml', `is not read; rename it to ${SETTINGS_FILE}`)
      : { assignments: [], issues: [] };
  }
  try {
    return readSettingsText(readFileSync(path, 'utf8'), name);
  } catch (error) {
    return broken(name, `cannot be read: ${toError(error).message}`);
  }
}

function broken(name: string, message: string): SourceReading {
  return { assignments: [], issues: [{ path: name, message }] };
}
