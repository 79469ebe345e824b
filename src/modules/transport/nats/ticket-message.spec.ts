import { expect, test } from 'vitest';
import { decodeTicket, encodeTicket } from './ticket-message.js';

const id = (number: number): string => `01890000-0000-7000-8000-${String(number).padStart(12, '0')}`;
const ids = (count: number): string[] => Array.from({ length: count }, (_, number) => id(number));

test('a ticket is read back as it was written', () => {
  expect(decodeTicket(encodeTicket(ids(25), 1_767_225_600_000))).toEqual({
    ids: ids(25),
    at: 1_767_225_600_000,
  });
});

test('the message is raw JSON that any client can read and write', () => {
  expect(encodeTicket([id(1)], 5)).toBe(`{"at":5,"ids":["${id(1)}"]}`);
  expect(decodeTicket(`{"ids":["${id(1).toUpperCase()}"],"note":"unknown fields are ignored"}`)).toEqual({
    ids: [id(1).toUpperCase()],
  });
});

test('a time that is none is left out', () => {
  expect(decodeTicket(JSON.stringify({ ids: ids(1), at: 'today' }))).toEqual({ ids: ids(1) });
});

test.each([
  '',
  'hello',
  'null',
  '[]',
  '{}',
  '{"ids":[]}',
  '{"ids":"all"}',
  '{"ids":[1]}',
  '{"ids":["1"]}',
  `{"ids":["${id(1)}",null]}`,
  JSON.stringify({ ids: ids(26) }),
])('%s is malformed', (text) => {
  expect(decodeTicket(text)).toBeUndefined();
});
