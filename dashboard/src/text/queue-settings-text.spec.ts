import { expect, it } from 'vitest';
import { queueSettingsText } from './queue-settings-text.js';

const none = { concurrency: null, retryConcurrency: null, timeoutMs: null };

it.each([
  [none, undefined],
  [{ ...none, concurrency: 20 }, 'concurrency 20'],
  [{ ...none, timeoutMs: 0 }, 'timeout none'],
  [{ concurrency: 1, retryConcurrency: 2, timeoutMs: 90_000 }, 'concurrency 1, 2 for retries, timeout 90s'],
  [{ ...none, timeoutMs: 86_400_000 }, 'timeout 1d'],
  [{ ...none, timeoutMs: 1_500 }, 'timeout 1500ms'],
])('%j is told as %s', (settings, text) => {
  expect(queueSettingsText(settings)).toBe(text);
});
