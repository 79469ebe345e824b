import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { MAX_TICKET_IDS, type OldestTicket, type Transport } from '../../src/modules/transport/index.js';
import { eventually } from '../support/eventually.js';
import {
  drain,
  harnessOpener,
  idsOf,
  newIds,
  processOf,
  QUEUE,
  takeSome,
  type TransportHarness,
  type TransportUnderTest,
} from './transport-harness.js';

const MILLION = 1_000_000;

/** A million ids weigh over 60 MB (the control proves it), a full lane of 100,000 weighs less than 10. */
const MOST_GROWTH_BYTES = 32 * 1024 * 1024;

/** The million is offered over a hundred turns of the event loop, as enqueues come, so that a server may keep up. */
const IDS_A_TURN = 10_000;

/** What happens when there is more than the transport can hold. */
export function describeBounds(subject: TransportUnderTest): void {
  describe('bounds', () => {
    const open = harnessOpener(subject);

    test('what a full lane cannot hold is dropped, counted and reported; what it holds is kept in order', async () => {
      const harness = await open({ maxIdsPerLane: 1_000 });
      const transport = processOf(harness, 0);
      const gaps: (string | undefined)[] = [];
      transport.onGap((queue) => void gaps.push(queue));
      const ids = newIds(3_000);
      offerInTickets(transport, ids);
      await eventually(() => transport.stats.dropped >= 2_000 && gaps.length > 0);
      expect(transport.stats).toMatchObject({ offered: 3_000, dropped: 2_000 });
      expect(gaps.every((queue) => queue === undefined || queue === QUEUE)).toBe(true);
      expect(idsOf(await drain(transport, 1_000))).toEqual(ids.slice(0, 1_000));
    });

    test('a full lane of one queue leaves the others their room', async () => {
      const harness = await open({ maxIdsPerLane: 1_000 });
      const transport = processOf(harness, 0);
      offerInTickets(transport, newIds(1_100), 'other');
      await eventually(() => transport.stats.dropped >= 100);
      const ids = newIds(100);
      offerInTickets(transport, ids);
      expect(idsOf(await drain(transport, 100))).toEqual(ids);
    });

    test('tickets that are taken still count; those acked make room', async () => {
      const harness = await open({ maxIdsPerLane: 100 });
      const transport = processOf(harness, 0);
      offerInTickets(transport, newIds(100));
      await harness.flush();
      const taken = await takeSome(transport, { maxIds: 25 });
      offerInTickets(transport, newIds(25));
      await eventually(() => transport.stats.dropped === 25);
      for (const ticket of taken) ticket.ack();
      await harness.flush();
      offerInTickets(transport, newIds(25));
      await drain(transport, 100);
      expect(transport.stats.dropped).toBe(25);
    });

    test('a gap is reported to every listener but those who ended it', async () => {
      const harness = await open({ maxIdsPerLane: 100 });
      const transport = processOf(harness, 0);
      const heard = { kept: 0, ended: 0 };
      transport.onGap(() => {
        throw new Error('a gap listener that throws');
      });
      transport.onGap(() => void heard.ended++)();
      transport.onGap(() => void heard.kept++);
      offerInTickets(transport, newIds(200));
      await eventually(() => heard.kept > 0);
      expect(heard.ended).toBe(0);
    });

    test('every id offered is acked, dropped or still to be taken, whatever was given back between', async () => {
      const harness = await open({ processes: 2, maxIdsPerLane: 2_000 });
      const [offerer, taker] = [processOf(harness, 0), processOf(harness, 1)];
      const offered = 3_000;
      offerInTickets(offerer, newIds(offered));
      await eventually(() => offerer.stats.dropped === 1_000);
      let acked = 0;
      for (let turn = 0; acked < 1_000; turn++) {
        for (const ticket of await takeSome(taker, { maxIds: 50 })) {
          if (turn % 3 === 0) {
            ticket.giveBack(turn % 2);
            continue;
          }
          ticket.ack();
          acked += ticket.ids.length;
        }
      }
      const left = idsOf(await drain(taker, 2_000 - acked));
      expect(new Set(left).size).toBe(2_000 - acked);
      expect(await oldestKind(harness, taker)).toBe('none');
      const { taken, givenBack, acked: ackedInAll } = taker.stats;
      expect({ ackedInAll, open: taken - givenBack - ackedInAll }).toEqual({ ackedInAll: 2_000, open: 0 });
    });

    test(
      'a million ids offered and not taken leave memory bounded, and each is accounted for',
      { timeout: 180_000 },
      async () => {
        const harness = await open();
        const transport = processOf(harness, 0);
        let gaps = 0;
        transport.onGap(() => void gaps++);
        const growth = await heapGrowthOf(async () => {
          for (let offered = 0; offered < MILLION; offered += IDS_A_TURN) {
            offerInTickets(transport, newIds(IDS_A_TURN));
            await nextTurn();
          }
          await harness.flush();
        });
        expect(transport.stats.offered).toBe(MILLION);
        expect(growth).toBeLessThan(MOST_GROWTH_BYTES);
        const kept = MILLION - transport.stats.dropped;
        expect(transport.stats.dropped === 0 || gaps > 0).toBe(true);
        await drain(transport, kept, { maxIds: 500 });
        expect(await oldestKind(harness, transport)).toBe('none');
      },
    );

    test('a million ids offered, taken and acked leave nothing behind', { timeout: 180_000 }, async () => {
      const harness = await open();
      const transport = processOf(harness, 0);
      const growth = await heapGrowthOf(async () => {
        for (let offered = 0; offered < MILLION; offered += IDS_A_TURN) {
          offerInTickets(transport, newIds(IDS_A_TURN));
          // Some stay behind until the next turn, so that the lane is never empty.
          await drain(transport, offered === 0 ? IDS_A_TURN / 2 : IDS_A_TURN, { maxIds: 500 });
        }
      });
      expect(growth).toBeLessThan(MOST_GROWTH_BYTES);
      expect(transport.stats.dropped).toBe(0);
      await drain(transport, MILLION - transport.stats.acked);
    });

    test('control: a million ids kept in memory exceed the bound', async () => {
      const kept: string[] = [];
      const growth = await heapGrowthOf(async () => {
        for (let count = 0; count < MILLION; count += IDS_A_TURN) {
          kept.push(...newIds(IDS_A_TURN));
          await nextTurn();
        }
      });
      expect(kept.length).toBe(MILLION);
      expect(growth).toBeGreaterThan(MOST_GROWTH_BYTES);
    });
  });
}

/** Offers the ids as an enqueuer of many does, 25 at a time. */
function offerInTickets(transport: Transport, ids: readonly string[], queue = QUEUE): void {
  for (let at = 0; at < ids.length; at += MAX_TICKET_IDS)
    transport.offer(queue, 'normal', ids.slice(at, at + MAX_TICKET_IDS));
}

async function oldestKind(harness: TransportHarness, transport: Transport): Promise<OldestTicket['kind']> {
  await harness.flush();
  return (await transport.oldestTicketAt(QUEUE, 'normal')).kind;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** By how many bytes what `work` left alive has grown. */
async function heapGrowthOf(work: () => Promise<void>): Promise<number> {
  const before = heapBytes();
  await work();
  return heapBytes() - before;
}

function heapBytes(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
