import { it } from 'vitest';
import { expectToWeather } from '../support/weathering.js';

const SEED = 7;
const SECONDS = 13;

it(
  'keeps every promise while each process, NATS and PostgreSQL are killed under load',
  { timeout: 300_000 },
  async () => {
    await expectToWeather(SEED, SECONDS, `FAULT_SEED=${SEED} FAULT_SECONDS=${SECONDS} npm run test:faults`);
  },
);
