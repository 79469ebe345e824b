import { Button } from '@mantine/core';
import type { ReactElement } from 'react';
import { answered, api } from '../api/client.js';
import { Icon } from './icon.js';
import { useAct } from './use-act.js';

/** Pauses a queue that runs, resumes one that is paused. */
export function PauseButton({
  queue,
  isPaused,
}: {
  readonly queue: string;
  readonly isPaused: boolean;
}): ReactElement {
  const { mutate, isPending } = useAct(
    (verb: 'pause' | 'resume') =>
      answered(api.POST(`/queue/{name}/${verb}`, { params: { path: { name: queue } } })),
    (_, verb) =>
      verb === 'pause' ? `${queue} is paused; what runs goes on` : `${queue} runs again; its jobs start`,
  );
  return (
    <Button
      size="compact-sm"
      variant={isPaused ? 'filled' : 'default'}
      leftSection={<Icon name={isPaused ? 'play' : 'pause'} size={14} />}
      loading={isPending}
      onClick={() => mutate(isPaused ? 'resume' : 'pause')}
      aria-label={`${isPaused ? 'Resume' : 'Pause'} the queue ${queue}`}
    >
      {isPaused ? 'Resume' : 'Pause'}
    </Button>
  );
}
