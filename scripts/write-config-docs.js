// Rewrites the generated section of docs/configuration.md from the settings schema, as `nest build` compiled it.
import { readFileSync, writeFileSync } from 'node:fs';
import { withConfigTable } from '../dist/config/config-table.js';

const page = new URL('../docs/configuration.md', import.meta.url);
writeFileSync(page, withConfigTable(readFileSync(page, 'utf8')));
