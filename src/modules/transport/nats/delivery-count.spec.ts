import { expect, test } from 'vitest';
import { deliveryCount } from './delivery-count.js';

test('it is the fifth token of an ack subject', () => {
  expect(deliveryCount('$JS.ACK.ROOKERY_TICKET_mail.normal.3.17.42.1767225600000000000.5')).toBe(3);
});

test('it is the seventh where domain and account come first, with or without a random token behind', () => {
  const subject = '$JS.ACK.hub.ACC123.ROOKERY_TICKET_mail.normal.4.17.42.1767225600000000000.5';
  expect(deliveryCount(subject)).toBe(4);
  expect(deliveryCount(`${subject}.random`)).toBe(4);
});

test.each(['', 'reply', '$JS.ACK.s.c.x.1.1.1.1', '$JS.ACK.s.c.0.1.1.1.1'])('%s does not tell', (subject) => {
  expect(deliveryCount(subject)).toBe(1);
});
