import { Button } from '@mantine/core';
import type { ReactElement } from 'react';
import { answered, api } from '../../api/client.js';
import type { Schedule } from '../../api/types.js';
import { Icon } from '../../parts/icon.js';
import { useAct } from '../../parts/use-act.js';

/** Fires a schedule now, or holds and resumes it. */
export function ScheduleActions({
  schedule: { name, paused },
}: {
  readonly schedule: Schedule;
}): ReactElement {
  const params = { path: { name } };
  const trigger = useAct(
    () => answered(api.POST('/schedule/{name}/trigger', { params })),
    ({ jobId }) => `${name} fired by hand: job …${jobId.slice(-8)}`,
  );
  const hold = useAct(
    (verb: 'pause' | 'resume') => answered(api.POST(`/schedule/{name}/${verb}`, { params })),
    (_, verb) =>
      verb === 'pause' ? `${name} is paused` : `${name} fires again; what it missed is not made up for`,
  );
  return (
    <>
      <Button
        size="compact-sm"
        variant="default"
        loading={trigger.isPending}
        onClick={() => trigger.mutate(undefined)}
        aria-label={`Fire now: ${name}`}
      >
        Fire now
      </Button>
      <Button
        size="compact-sm"
        variant={paused ? 'filled' : 'default'}
        leftSection={<Icon name={paused ? 'play' : 'pause'} size={14} />}
        loading={hold.isPending}
        onClick={() => hold.mutate(paused ? 'resume' : 'pause')}
        aria-label={`${paused ? 'Resume' : 'Pause'} the schedule ${name}`}
      >
        {paused ? 'Resume' : 'Pause'}
      </Button>
    </>
  );
}
