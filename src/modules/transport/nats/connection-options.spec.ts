import { expect, test } from 'vitest';
import { checkFiles, connectionOptions } from './connection-options.js';

test('servers are a list or separated by commas, with or without a scheme', () => {
  expect(connectionOptions({ servers: 'nats://a:1, b:2,c' }).servers).toEqual(['a:1', 'b:2', 'c']);
  expect(connectionOptions({ servers: ['nats://[::1]:4222', 'tls://b'] }).servers).toEqual([
    '[::1]:4222',
    'b',
  ]);
});

test('the client never gives up, not even after a refused login', () => {
  expect(connectionOptions({ servers: 'a' })).toMatchObject({
    reconnect: true,
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
  });
});

test('a URL may hold the login', () => {
  expect(connectionOptions({ servers: 'nats://jo%40x:p%3Aw@a:1' })).toMatchObject({
    servers: ['a:1'],
    user: 'jo@x',
    pass: 'p:w',
  });
  expect(connectionOptions({ servers: 'nats://secret@a' })).toMatchObject({ token: 'secret' });
});

test('fields go before the URL', () => {
  const options = connectionOptions({ servers: 'nats://a:b@host', user: 'c', pass: 'd' });
  expect(options).toMatchObject({ user: 'c', pass: 'd' });
  expect(connectionOptions({ servers: 'nats://a:b@host', token: 't' })).toMatchObject({ token: 't' });
  expect(connectionOptions({ servers: 'nats://a:b@host', token: 't' }).user).toBeUndefined();
});

test('without TLS files or a tls:// URL the connection is as the server wants it', () => {
  expect(connectionOptions({ servers: 'a' }).tls).toBeUndefined();
  expect(connectionOptions({ servers: 'tls://a' }).tls).toEqual({});
  expect(connectionOptions({ servers: 'a', tls: { caFile: 'ca.pem' } }).tls).toEqual({ caFile: 'ca.pem' });
});

test.each(['', ' , ', 'http://a', 'nats://', 'nats://a:port'])('servers "%s" are refused', (servers) => {
  expect(() => connectionOptions({ servers })).toThrow(/NATS server/);
});

test('the message that refuses a URL does not repeat its password', () => {
  expect(() => connectionOptions({ servers: 'ftp://me:secret@a' })).not.toThrow(/secret/);
});

test('a file that cannot be read is named', async () => {
  await expect(checkFiles({ servers: 'a', credsFile: '/nowhere/user.creds' })).rejects.toThrow(
    '/nowhere/user.creds',
  );
  await expect(checkFiles({ servers: 'a', tls: { caFile: '/nowhere/ca.pem' } })).rejects.toMatchObject({
    code: 'invalid_config',
  });
  await checkFiles({ servers: 'a' });
});
