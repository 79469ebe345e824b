import { randomInt } from 'node:crypto';
import { it } from 'vitest';
import { expectToWeather } from '../support/weathering.js';

const seconds = Number(process.env['FAULT_SECONDS'] ?? 600);
const seed = Number(process.env['FAULT_SEED'] ?? randomInt(1_000_000));
const replay = `FAULT_SEED=${seed} FAULT_SECONDS=${seconds} npm run test:faults -- test/faults/storm.spec.ts`;

it(`keeps every promise through ${seconds} s of kills, seed ${seed}`, async () => {
  process.stdout.write(`to do the same again: ${replay}\n`);
  const report = await expectToWeather(seed, seconds, replay);
  process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
});
