import { DataSource } from 'typeorm';
import { describe, expect, it } from 'vitest';
import { RookeryError } from '../../kernel/errors.js';
import {
  connectionOptionsOfDataSource,
  connectionOptionsOfUrl,
  describeServer,
} from './connection-options.js';

describe('connectionOptionsOfUrl', () => {
  it('takes every part of the URL, percent-encoding undone', () => {
    expect(connectionOptionsOfUrl('postgres://app:s%40c%2Fret@db.example:6432/jobs')).toMatchObject({
      host: 'db.example',
      port: 6432,
      user: 'app',
      password: 's@c/ret',
      database: 'jobs',
      application_name: 'rookery',
      keepAlive: true,
    });
  });

  it('keeps the application name and TLS mode the URL asks for', () => {
    const url = 'postgresql://app@db/jobs?application_name=billing&sslmode=no-verify';
    expect(connectionOptionsOfUrl(url)).toMatchObject({
      application_name: 'billing',
      ssl: { rejectUnauthorized: false },
    });
    expect(connectionOptionsOfUrl('postgres://app@db/jobs')).not.toHaveProperty('ssl');
  });

  it.each(['mysql://app:secret@db/jobs', 'postgres://app:secret@db:port/jobs', 'localhost:5432/secret', ''])(
    'refuses "%s" without repeating what may be secret',
    (url) => {
      const parse = () => connectionOptionsOfUrl(url);
      expect(parse).toThrow(RookeryError);
      expect(parse).toThrow(/the database URL cannot be used.*write postgres:\/\//);
      expect(parse).not.toThrow(/secret/);
    },
  );

  it('names the TLS file that cannot be read', () => {
    const url = 'postgres://app@db/jobs?sslmode=verify-full&sslrootcert=/no/such/ca.pem';
    expect(() => connectionOptionsOfUrl(url)).toThrow('/no/such/ca.pem');
  });
});

describe('connectionOptionsOfDataSource', () => {
  it('takes the single settings, and from extra what concerns the connection but not the pool', () => {
    const dataSource = new DataSource({
      type: 'postgres',
      host: 'db',
      port: 6432,
      username: 'app',
      password: () => 'secret',
      database: 'shop',
      ssl: { rejectUnauthorized: false },
      extra: { max: 50, statement_timeout: 5, client_encoding: 'utf8', application_name: 'shop' },
    });
    const options = connectionOptionsOfDataSource(dataSource);
    expect(options).toMatchObject({
      host: 'db',
      port: 6432,
      user: 'app',
      database: 'shop',
      ssl: { rejectUnauthorized: false },
      client_encoding: 'utf8',
      application_name: 'rookery',
    });
    expect(options.password).toBeTypeOf('function');
    expect(options).not.toHaveProperty('max');
    expect(options).not.toHaveProperty('statement_timeout');
  });

  it('lets the URL go before single settings, as TypeORM does', () => {
    const dataSource = new DataSource({
      type: 'postgres',
      host: 'other',
      url: 'postgres://app@db:6432/shop',
    });
    expect(describeServer(connectionOptionsOfDataSource(dataSource))).toBe('db:6432/shop');
  });

  it('takes the primary of a replicated one', () => {
    const replication = {
      master: { url: 'postgres://app@primary/shop' },
      slaves: [{ url: 'postgres://app@copy/shop' }],
    };
    const dataSource = new DataSource({ type: 'postgres', replication });
    expect(describeServer(connectionOptionsOfDataSource(dataSource))).toBe('primary:5432/shop');
  });

  it('refuses one that is not of PostgreSQL', () => {
    const dataSource = new DataSource({ type: 'postgres' });
    Object.assign(dataSource, { options: { type: 'mysql' } });
    expect(() => connectionOptionsOfDataSource(dataSource)).toThrow('of type "mysql"');
  });
});

describe('describeServer', () => {
  it('never holds the password', () => {
    const server = describeServer(connectionOptionsOfUrl('postgres://app:secret@[::1]:6432/jobs'));
    expect(server).toBe('[::1]:6432/jobs');
  });
});
