import { Button } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { ReactElement } from 'react';
import { answered, api } from '../../api/client.js';
import type { Job } from '../../api/types.js';
import { ConfirmButton } from '../../parts/confirm-button.js';
import { Icon } from '../../parts/icon.js';
import { useAct } from '../../parts/use-act.js';
import { EditedRetry } from './edited-retry.js';

/** What can be done with a job in its state. */
export function JobActions({ job }: { readonly job: Job }): ReactElement {
  const [isEditing, edit] = useDisclosure();
  const retry = useAct(
    () => answered(api.POST('/job/{id}/retry', { params: { path: { id: job.id } } })),
    () => 'It waits again, with all its attempts before it',
  );
  const cancel = useAct(
    () => answered(api.POST('/job/{id}/cancel', { params: { path: { id: job.id } } })),
    ({ status }) => (status === 'canceled' ? 'Canceled' : 'It is told to stop'),
  );
  const isOpen = job.status === 'waiting' || job.status === 'executing';
  return (
    <>
      {(job.status === 'failed' || job.status === 'canceled') && (
        <Button
          size="compact-sm"
          leftSection={<Icon name="retry" size={14} />}
          loading={retry.isPending}
          onClick={() => retry.mutate(undefined)}
        >
          Retry
        </Button>
      )}
      {!isOpen && (
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<Icon name="edit" size={14} />}
          onClick={edit.open}
        >
          Retry with another payload
        </Button>
      )}
      {isOpen && (
        <ConfirmButton
          label="Cancel job"
          question="Cancel this job?"
          color="red"
          loading={cancel.isPending}
          onConfirm={() => cancel.mutate(undefined)}
        >
          {job.status === 'waiting'
            ? 'It ends at once and does not run.'
            : 'Its handler is told to stop; if that finishes first, the job is done all the same.'}
        </ConfirmButton>
      )}
      {isEditing && <EditedRetry job={job} onClose={edit.close} />}
    </>
  );
}
