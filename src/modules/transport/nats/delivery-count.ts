/**
 * How often a message has been delivered, this time included, as the subject on which it is acked tells:
 * `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`, and with two more tokens before
 * the stream (domain, account) where the server says so. 1 when the subject does not tell.
 */
export function deliveryCount(ackSubject: string): number {
  const tokens = ackSubject.split('.');
  const count = Number(tokens.length > 9 ? tokens[6] : tokens[4]);
  return Number.isSafeInteger(count) && count > 0 ? count : 1;
}
