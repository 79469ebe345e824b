import { expect, test } from 'vitest';
import { NatsNames } from './nats-names.js';

test('streams, subjects and consumers are named after the queue and the lane', () => {
  const names = new NatsNames();
  expect(names.stream('mail')).toBe('ROOKERY_TICKET_mail');
  expect(names.ticketSubject('mail', 'high')).toBe('rookery.ticket.mail.high');
  expect(names.ticketSubjects('mail')).toBe('rookery.ticket.mail.*');
  expect(names.consumer('retry')).toBe('retry');
  expect(names.signalSubject('cancel')).toBe('rookery.signal.cancel');
  expect(names.signalSubjects()).toBe('rookery.signal.*');
});

test('a prefix begins every subject and every stream', () => {
  const names = new NatsNames('staging');
  expect(names.stream('mail')).toBe('staging_ROOKERY_TICKET_mail');
  expect(names.ticketSubject('mail', 'high')).toBe('staging.rookery.ticket.mail.high');
  expect(names.signalSubject('fin')).toBe('staging.rookery.signal.fin');
  expect(names.pullSubject('mail', 'low')).toBe('$JS.API.CONSUMER.MSG.NEXT.staging_ROOKERY_TICKET_mail.low');
  expect(names.storedTicketSubject('mail')).toBe('$JS.API.STREAM.MSG.GET.staging_ROOKERY_TICKET_mail');
});

test.each(['', 'staging'])('a ticket subject is read back as it was written, with prefix "%s"', (prefix) => {
  const names = new NatsNames(prefix);
  expect(names.parseTicketSubject(names.ticketSubject('my-queue_1', 'retry'))).toEqual({
    queue: 'my-queue_1',
    lane: 'retry',
  });
});

test.each([
  'rookery.ticket.mail',
  'rookery.ticket.mail.urgent',
  'rookery.ticket.mail.high.more',
  'rookery.signal.fin',
  'other.rookery.ticket.mail.high',
  '_INBOX.abc.1',
])('%s is no ticket subject', (subject) => {
  expect(new NatsNames().parseTicketSubject(subject)).toBeUndefined();
});

test.each(['a.b', 'a b', '*', '>', 'ü', 'x'.repeat(65)])('%s is refused as a prefix', (prefix) => {
  expect(() => new NatsNames(prefix)).toThrow('not a NATS prefix');
});
