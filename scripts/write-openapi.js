// Rewrites docs/openapi.json from the controllers, as `nest build` compiled them.
import 'reflect-metadata';
import { writeFileSync } from 'node:fs';
import { openApiText } from '../dist/entries/openapi-text.js';

writeFileSync(new URL('../docs/openapi.json', import.meta.url), openApiText());
