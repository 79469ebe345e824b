import { afterEach } from 'vitest';
import type { Clock } from '../../src/kernel/clock.js';
import { IdGenerator } from '../../src/kernel/ids.js';
import { systemClock } from '../../src/kernel/clock.js';
import { freshLanes, type Lane, type Ticket, type Transport } from '../../src/modules/transport/index.js';

/** What a test asks of the transports it gets. */
export interface HarnessOptions {
  /** How many processes, 1 when absent. */
  readonly processes?: number;
  /** Ack wait in ms; 30 s when absent, so that nothing comes again by itself. */
  readonly ackWaitMs?: number;
  /** Most ids a lane holds, offered 25 a ticket; the transport's default when absent. */
  readonly maxIdsPerLane?: number;
}

/** Several processes' transports, started and connected with each other, with an empty world of their own. */
export interface TransportHarness {
  /** One a process. Within one process it may be the same instance several times. */
  readonly processes: readonly Transport[];
  /** The clock that `oldestTicketAt` is told on. */
  readonly clock: Clock;
  /** One more process, not started. */
  newProcess(): Transport;
  /** Resolves when whatever was asked of the transports so far has reached where it goes. */
  flush(): Promise<void>;
  /** Stops every transport it made and removes what they left. */
  close(): Promise<void>;
}

/** An implementation of the transport port, as the contract sees it. */
export interface TransportUnderTest {
  open(options: HarnessOptions): Promise<TransportHarness>;
  /** Shortest ack wait it can be opened with, in ms; tests that wait it out use it. */
  readonly shortestAckWaitMs: number;
  /** How far `clock` may be off from the times `oldestTicketAt` tells, in ms. */
  readonly clockToleranceMs: number;
  /** True when tickets live outside the processes, so that one process's tickets can go to another when it stops. */
  readonly isShared: boolean;
}

export type OpenHarness = (options?: HarnessOptions) => Promise<TransportHarness>;

/** Opens harnesses and closes them after the test that opened them. Call it inside a `describe`. */
export function harnessOpener(subject: Pick<TransportUnderTest, 'open'>): OpenHarness {
  const opened: TransportHarness[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((harness) => harness.close()));
  });
  return async (options = {}) => {
    const harness = await subject.open(options);
    opened.push(harness);
    return harness;
  };
}

/** The process with that number; the harness was asked for enough of them. */
export function processOf(harness: TransportHarness, number: number): Transport {
  const transport = harness.processes[number];
  if (!transport) throw new Error(`the harness has no process ${number}`);
  return transport;
}

const generator = new IdGenerator(systemClock);

/** New job ids, rising; each one flat piece of text, as if it had come over a wire, so that an id weighs the same everywhere. */
export function newIds(count: number): string[] {
  return Array.from({ length: count }, () => Buffer.from(generator.next(), 'latin1').toString('latin1'));
}

/** The queue of every test: each has a world of its own. */
export const QUEUE = 'mail';

/** How a test takes; `maxIds` is 1 when absent, the lanes are the fresh ones. */
export interface TakeOptions {
  readonly lanes?: readonly Lane[];
  readonly maxIds?: number;
}

/** Longest wait for a ticket that must come; reached by failing tests only. */
const WITHIN_MS = 10_000;

/** Waits for tickets; fails when none come. */
export async function takeSome(
  transport: Transport,
  { lanes = freshLanes, maxIds = 1 }: TakeOptions = {},
): Promise<Ticket[]> {
  const tickets = await transport.take(QUEUE, lanes, maxIds, AbortSignal.timeout(WITHIN_MS));
  if (tickets.length === 0) throw new Error(`no ticket of ${lanes.join(', ')} came within ${WITHIN_MS} ms`);
  return tickets;
}

/** Waits for one ticket, for tests whose tickets name one id each. */
export async function takeOne(
  transport: Transport,
  options: Omit<TakeOptions, 'maxIds'> = {},
): Promise<Ticket> {
  const [ticket, ...others] = await takeSome(transport, options);
  if (!ticket || others.length > 0) throw new Error(`expected one ticket, not ${others.length + 1}`);
  return ticket;
}

/** Takes and acks until that many ids have come; answers the tickets. */
export async function drain(
  transport: Transport,
  count: number,
  options: TakeOptions = {},
): Promise<Ticket[]> {
  const drained: Ticket[] = [];
  for (let got = 0; got < count;) {
    for (const ticket of await takeSome(transport, { maxIds: count - got, ...options })) {
      ticket.ack();
      drained.push(ticket);
      got += ticket.ids.length;
    }
  }
  return drained;
}

/** The ids that these tickets name, in their order. */
export function idsOf(tickets: readonly Ticket[]): string[] {
  return tickets.flatMap((ticket) => ticket.ids);
}

/** What a take answers that nothing ends but the time. */
export function takeFor(
  transport: Transport,
  ms: number,
  lanes: readonly Lane[] = freshLanes,
): Promise<Ticket[]> {
  return transport.take(QUEUE, lanes, 1, AbortSignal.timeout(ms));
}
