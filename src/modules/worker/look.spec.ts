import { describe, expect, it } from 'vitest';
import { idTime, lowestIdAt } from '../../kernel/ids.js';
import type { Query } from '../job/index.js';
import { TableOnlyTransport } from '../transport/index.js';
import { Look, type TicketAges } from './look.js';

const SECOND = 1_000;
const START = Date.parse('2026-01-31T12:00:00Z');
/** As many as one read answers. */
const PAGE = 1_000;

/** A look at a table that holds what the test says, by a clock that stands where the test puts it. */
class Scene {
  nowMs = START;
  /** Ids of one lane that wait, by read: each read of the lane takes the next page. */
  readonly pages: string[][] = [];
  /** From which time on the lane was read, each time, in ms before or after the start. */
  readonly readFrom: number[] = [];
  /** Up to which time another lane was read, each time. */
  readonly readHighUpTo: number[] = [];
  readonly look: Look;

  constructor(transport: TicketAges = new TableOnlyTransport()) {
    const query: Query = <Row extends object>(
      { name }: { readonly name: string },
      values: readonly unknown[],
    ): Promise<Row[]> => {
      if (name === 'queues_named')
        return rows<Row>([{ name: 'mail', watermark: lowestIdAt(START - 60 * SECOND) }]);
      if (name === 'look_fresh' && values[1] === 'high')
        this.readHighUpTo.push(idTime(String(values[3])) - 1 - START);
      if (name !== 'look_fresh' || values[1] !== 'normal') return rows<Row>([]);
      this.readFrom.push(idTime(String(values[2])) - START);
      return rows<Row>((this.pages.shift() ?? []).map((id) => ({ id })));
    };
    const clock = { now: () => this.nowMs };
    this.look = new Look({
      query,
      transport,
      clock,
      queue: 'mail',
      names: ['send'],
      pollIntervalMs: 10 * SECOND,
    });
  }

  once(): Promise<boolean> {
    return this.look.once((_, ids) => Promise.resolve(ids.length));
  }
}

const rows = <Row extends object>(found: readonly object[]): Promise<Row[]> =>
  Promise.resolve([...found] as Row[]);

/** One lane has tickets from before the look began, the others have none. */
const withOldTickets: TicketAges = {
  isAvailable: true,
  oldestTicketAt: (_, lane) =>
    Promise.resolve(lane === 'normal' ? { kind: 'at', at: START - 30 * SECOND } : { kind: 'none' }),
};

/** A full page whose last row is of that time, in ms after the start. */
const pageUpTo = (ms: number): string[] =>
  Array.from({ length: PAGE }, (_, n) => lowestIdAt(START + ms - (PAGE - 1) + n));

describe('a pass of the look', () => {
  it('reads each row once, however many looks it takes', async () => {
    const scene = new Scene();
    scene.pages.push(pageUpTo(-5 * SECOND), pageUpTo(-4 * SECOND), []);
    expect([await scene.once(), await scene.once(), await scene.once()]).toEqual([false, false, true]);
    expect(scene.readFrom).toEqual([-60 * SECOND, -5 * SECOND, -4 * SECOND]);
  });

  it('is followed by one that begins with what may have been unwritten when it began', async () => {
    const scene = new Scene();
    scene.pages.push(pageUpTo(-5 * SECOND));
    await scene.once();
    scene.nowMs += 3 * SECOND;
    expect(await scene.once()).toBe(true);
    await scene.once();
    expect(scene.readFrom.at(-1)).toBe(-12 * SECOND);
  });

  it('goes on from its end, for what was just being written, while it is young', async () => {
    const scene = new Scene();
    await scene.once();
    scene.nowMs += 0.3 * SECOND;
    await scene.once();
    scene.nowMs += SECOND;
    await scene.once();
    await scene.once();
    expect(scene.readFrom).toEqual([-60 * SECOND, -0.25 * SECOND, -12 * SECOND, 1.05 * SECOND]);
  });

  it('ends when the clock is set back, and the next begins with what may have been unwritten by it', async () => {
    const scene = new Scene();
    await scene.once();
    scene.nowMs -= 5 * SECOND;
    await scene.once();
    expect(scene.readFrom).toEqual([-60 * SECOND, -17 * SECOND]);
  });

  it('ends after a while in a line that grows faster than it is worked off', async () => {
    const scene = new Scene();
    for (let look = 0; look < 3; look++) {
      scene.pages.push(pageUpTo(scene.nowMs - START));
      await scene.once();
      scene.nowMs += 7 * SECOND;
    }
    await scene.once();
    expect(scene.readFrom).toEqual([-60 * SECOND, 0, -12 * SECOND, 14 * SECOND]);
  });

  it('that began before tickets were dropped does not make good for them', async () => {
    const scene = new Scene();
    scene.pages.push(pageUpTo(-5 * SECOND));
    await scene.once();
    scene.nowMs += SECOND;
    scene.look.noticeGap();
    scene.nowMs += SECOND;
    expect([await scene.once(), scene.look.hasGap]).toEqual([true, true]);
    expect([await scene.once(), scene.look.hasGap]).toEqual([true, false]);
  });
});

describe('what tickets may have been dropped of', () => {
  it('is read to the present lane by lane, once where no tickets are left', async () => {
    const scene = new Scene(withOldTickets);
    await scene.once();
    await scene.once();
    // Up to now, and then to where tickets of that age are missed; the lane with old tickets is not made good for.
    expect(scene.readHighUpTo).toEqual([0, -10 * SECOND]);
    expect(scene.look.hasGap).toBe(true);
  });
});
