import { describe, expect, it } from 'vitest';
import { envelopeOfUnread, readRequest, writeReply } from './request-message.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (text: string) => readRequest(bytes(text), 'jobs.create');

describe('a message', () => {
  it('of a plain client is its data', () => {
    expect(read('{"name":"a","payload":{"pattern":"jobs.create"}}')).toEqual({
      data: { name: 'a', payload: { pattern: 'jobs.create' } },
    });
    expect(read('[1]')).toEqual({ data: [1] });
    expect(read('')).toEqual({ data: undefined });
  });

  it('of Nest is in an envelope, told by its pattern', () => {
    expect(read('{"pattern":"jobs.create","data":{"name":"a"},"id":"7"}')).toEqual({
      data: { name: 'a' },
      envelope: { id: '7' },
    });
    expect(read('{"pattern":"jobs.create","data":{"name":"a"}}')).toEqual({
      data: { name: 'a' },
      envelope: {},
    });
    expect(read('{"pattern":"another","data":{}}')).toEqual({ data: { pattern: 'another', data: {} } });
  });

  it('that is no JSON is refused', () => {
    expect(() => read('{')).toThrow(expect.objectContaining({ code: 'malformed_json' }));
    expect(() => readRequest(new Uint8Array([0xff]), 'jobs.create')).toThrow('is not UTF-8');
    expect(() => read('{"__proto__":1}')).toThrow('__proto__');
  });

  it('that is too large to be read shows its envelope at its beginning', () => {
    const start = '{"pattern":"jobs.create","data":{"payload":"xxx';
    expect(envelopeOfUnread(bytes(start), 'jobs.create')).toEqual({ envelope: {} });
    expect(envelopeOfUnread(bytes(start), 'jobs.cancel')).toEqual({});
    expect(envelopeOfUnread(bytes('{'), 'jobs.create')).toEqual({});
  });
});

describe('a reply', () => {
  const error = { code: 'no_such_job', message: 'there is none', id: '1' };

  it('to a plain client is bare', () => {
    expect(writeReply({}, { answer: { id: '1' } })).toBe('{"id":"1"}');
    expect(JSON.parse(writeReply({}, { error }))).toEqual({ error });
  });

  it('to Nest is in its envelope, an error as err', () => {
    const envelope = { id: '7' };
    expect(JSON.parse(writeReply({ envelope }, { answer: { id: '1' } }))).toEqual({
      response: { id: '1' },
      isDisposed: true,
      id: '7',
    });
    expect(JSON.parse(writeReply({ envelope }, { error }))).toEqual({
      err: error,
      isDisposed: true,
      id: '7',
    });
  });
});
