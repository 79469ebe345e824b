import { describe, expect, it } from 'vitest';
import { httpUrl, redirected, type RequestTarget } from './request-target.js';

const target = (overrides: Partial<RequestTarget> = {}): RequestTarget => ({
  url: new URL('https://a.example/one'),
  method: 'POST',
  headers: {
    Authorization: 'Bearer secret',
    'X-Api-Key': 'secret',
    Accept: 'text/plain',
    'Content-Type': 'text/csv',
  },
  body: 'a,b',
  ...overrides,
});

describe('redirected', () => {
  it.each([
    [301, 'POST', 'GET'],
    [302, 'POST', 'GET'],
    [303, 'POST', 'GET'],
    [303, 'PUT', 'GET'],
    [303, 'HEAD', 'HEAD'],
    [301, 'PUT', 'PUT'],
    [302, 'DELETE', 'DELETE'],
    [307, 'POST', 'POST'],
    [308, 'PATCH', 'PATCH'],
  ])('answers %i to %s with %s', (status, method, next) => {
    expect(redirected(target({ method }), status, '/two').method).toBe(next);
  });

  it('drops the body and its headers when the request turns into GET', () => {
    const { body, headers } = redirected(target(), 303, '/two');
    expect(body).toBeUndefined();
    expect(headers).toEqual({
      Authorization: 'Bearer secret',
      'X-Api-Key': 'secret',
      Accept: 'text/plain',
    });
  });

  it('keeps body and headers for 307 within the origin', () => {
    const from = target();
    expect(redirected(from, 307, 'two')).toEqual({ ...from, url: new URL('https://a.example/two') });
  });

  it.each(['https://b.example/', 'http://a.example/', 'https://a.example:8443/', '//b.example/'])(
    'keeps what may be secret from another origin: %s',
    (location) => {
      const { headers } = redirected(target(), 307, location);
      expect(headers).toEqual({ Accept: 'text/plain', 'Content-Type': 'text/csv' });
    },
  );

  it.each(['ftp://a.example/', 'file:///etc/passwd', 'https://user:pass@a.example/', 'http://['])(
    'refuses %s for good',
    (location) => {
      expect(() => redirected(target(), 302, location)).toThrowError(
        expect.objectContaining({ name: 'RequestError', isFinal: true }) as Error,
      );
    },
  );
});

describe('httpUrl', () => {
  it('does not repeat a password in its message', () => {
    expect(() => httpUrl('https://user:hunter2@a.example/')).toThrow(/^https:\/\/a\.example carries a user/);
  });
});
