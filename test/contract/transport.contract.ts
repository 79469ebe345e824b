import { describe } from 'vitest';
import { describeBounds } from './transport-bounds.contract.js';
import { describeLifecycle } from './transport-lifecycle.contract.js';
import { describeOldestTicket } from './transport-oldest-ticket.contract.js';
import { describeSettling } from './transport-settling.contract.js';
import { describeSignals } from './transport-signals.contract.js';
import { describeTaking } from './transport-taking.contract.js';
import type { TransportUnderTest } from './transport-harness.js';

/** Everything the transport port promises, proven on one implementation. */
export function describeTransport(name: string, subject: TransportUnderTest): void {
  describe(`${name} transport`, () => {
    describeTaking(subject);
    describeSettling(subject);
    describeOldestTicket(subject);
    describeSignals(subject);
    describeLifecycle(subject);
    describeBounds(subject);
  });
}
