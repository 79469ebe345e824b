import { Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { useNavigate } from 'react-router';
import { answered, api } from '../../api/client.js';
import { newKey } from '../../api/new-key.js';
import type { Job, JobRequest } from '../../api/types.js';
import { ProblemAlert } from '../../parts/problem-alert.js';

/** Enqueues the job anew with the payload as edited, once however often it is tried. The old one stays as it is; the new one names it. */
export function EditedRetry({
  job,
  onClose,
}: {
  readonly job: Job;
  readonly onClose: () => void;
}): ReactElement {
  const [text, setText] = useState(JSON.stringify(job.payload, null, 2));
  const [key] = useState(newKey);
  const navigate = useNavigate();
  const payload = parsed(text);
  const send = useMutation({
    mutationFn: () =>
      answered(
        api.POST('/job', {
          params: { header: { 'Idempotency-Key': key } },
          body: { ...optionsOf(job), payload: payload.value },
        }),
      ),
    onSuccess: ({ id }) => {
      onClose();
      void navigate(`/jobs/${id}`);
    },
  });
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={`Enqueue ${job.name} again`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          Makes a new job that names this one. It is checked by the type’s schema.
        </Text>
        <Textarea
          label="Payload"
          value={text}
          onChange={({ currentTarget }) => setText(currentTarget.value)}
          autosize
          minRows={6}
          maxRows={20}
          spellCheck={false}
          classNames={{ input: 'code-field' }}
          error={payload.error}
          data-autofocus
        />
        {send.error && <ProblemAlert error={send.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Leave it
          </Button>
          <Button
            disabled={payload.error !== undefined}
            loading={send.isPending}
            onClick={() => send.mutate()}
          >
            Enqueue
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function optionsOf({ id, name, objectId, lane, maxAttempts, timeoutMs }: Job): JobRequest {
  return {
    name,
    lane,
    maxAttempts,
    retryOf: id,
    ...(objectId !== null && { objectId }),
    ...(timeoutMs !== null && { timeout: timeoutMs === 0 ? 'none' : timeoutMs }),
  };
}

function parsed(text: string): { readonly value?: unknown; readonly error?: string } {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { error: `This is no JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}
