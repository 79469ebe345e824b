import { afterEach, describe, expect, it, vi } from 'vitest';
import { Zone } from './cron.js';
import { preview, type Timing } from './schedule.js';

const now = Date.UTC(2026, 5, 5, 12, 40, 44);

const timing = (when: Partial<Timing>): Timing => ({
  cron: null,
  everyMs: null,
  timeZone: 'Europe/Berlin',
  startAt: null,
  endAt: null,
  anchorAt: new Date(now),
  ...when,
});

afterEach(() => void vi.restoreAllMocks());

describe('a preview', () => {
  it.each(['0 0 29 2 *', '0 */24 * * *', '59 */23 * * *', '* * 0-23 * * *', '30 2 * * *'])(
    'of %s reads its zone once, and the clocks of it a few times a fire',
    (cron) => {
      const zones = vi.spyOn(Zone, 'of');
      const offsets = vi.spyOn(Intl.DateTimeFormat.prototype, 'formatToParts');
      const times = vi.spyOn(Zone.prototype, 'at');
      expect(preview(timing({ cron }), now, 1_000)).toHaveLength(1_000);
      expect(zones).toHaveBeenCalledTimes(1);
      expect(offsets.mock.calls.length).toBeLessThan(8_000);
      expect(times.mock.calls.length).toBeLessThan(200_000);
    },
  );

  it.each([{ cron: '0 0 29 2 */7' }, { everyMs: 3_650 * 86_400_000 }])(
    'of %j ends with the year 9999, however many fires are asked for',
    (when) => {
      const fires = preview(timing(when), now, 1_000);
      expect(fires.length).toBeGreaterThan(200);
      expect(fires.filter(({ fireAt }) => !/^\d{4}-/.test(fireAt))).toEqual([]);
    },
  );
});
