import { expect, it } from 'vitest';
import { isLoopback } from './loopback.js';

it.each([
  '127.0.0.1',
  '127.8.8.8',
  'localhost',
  'LOCALHOST',
  'a.localhost',
  '::1',
  '[::1]',
  '::ffff:127.0.0.1',
])('knows that only this machine reaches %s', (host) => expect(isLoopback(host)).toBe(true));

it.each(['0.0.0.0', '::', '192.168.0.1', 'localhost.example.org', '128.0.0.1', '127.0.0.1.example.org'])(
  'knows that others may reach %s',
  (host) => expect(isLoopback(host)).toBe(false),
);
