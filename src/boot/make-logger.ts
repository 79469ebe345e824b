import type { RookeryConfig } from '../config/index.js';
import { JsonLogger } from './json-logger.js';
import type { QuietLogger } from './quiet-logger.js';
import { ReadableLogger } from './readable-logger.js';

/** The logger that the settings ask for, for a process that is these entries. */
export function makeLogger({ level, format }: RookeryConfig['log'], entries: readonly string[]): QuietLogger {
  switch (format) {
    case 'text':
      return new ReadableLogger(level);
    case 'json':
      return new JsonLogger(level, entries.join(','));
  }
}
