import { Button, Group, Modal, NumberInput, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { answered, api } from '../../api/client.js';
import type { Queue, QueueSettings, QueueSettingsRequest } from '../../api/types.js';
import { ProblemAlert } from '../../parts/problem-alert.js';
import { timeoutText } from '../../text/queue-settings-text.js';

const OWN = 'as each process is configured';

/** Sets how a queue runs in every process; an empty field leaves a setting to each of them. */
export function QueueSettingsForm({
  queue,
  onClose,
}: {
  readonly queue: Queue;
  readonly onClose: () => void;
}): ReactElement {
  const client = useQueryClient();
  const { settings } = queue;
  const [concurrency, setConcurrency] = useState<number | string>(settings.concurrency ?? '');
  const [retryConcurrency, setRetryConcurrency] = useState<number | string>(settings.retryConcurrency ?? '');
  const [timeout, setTimeout] = useState(timeoutText(settings) ?? '');
  const send = useMutation({
    mutationFn: () =>
      answered(
        api.PATCH('/queue/{name}', {
          params: { path: { name: queue.name } },
          body: requestOf({ concurrency, retryConcurrency, timeout }, settings),
        }),
      ),
    onSuccess: async () => {
      await client.invalidateQueries();
      onClose();
    },
  });
  return (
    <Modal
      opened
      onClose={onClose}
      title={`Settings of ${queue.name}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send.mutate();
        }}
      >
        <Stack gap="sm">
          <Text size="sm" c="dimmed">
            In every process that serves the queue, at once and until it is changed again. What is left empty
            is {OWN}.
          </Text>
          <NumberInput
            label="Concurrency"
            description="Fresh jobs that one process runs at a time"
            placeholder={OWN}
            value={concurrency}
            onChange={setConcurrency}
            allowDecimal={false}
            data-autofocus
          />
          <NumberInput
            label="Concurrency of retries"
            description="Retried jobs that one process runs at a time, beside the fresh ones"
            placeholder={OWN}
            value={retryConcurrency}
            onChange={setRetryConcurrency}
            allowDecimal={false}
          />
          <TextInput
            label="Timeout"
            description="Longest a run may take, as 30s or none, unless its job or its type says"
            placeholder={OWN}
            value={timeout}
            onChange={({ currentTarget }) => setTimeout(currentTarget.value)}
          />
          {send.error && <ProblemAlert error={send.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Leave it
            </Button>
            <Button type="submit" loading={send.isPending}>
              Save
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

/** Names only what was edited, so that two people who set different things do not undo each other. */
function requestOf(
  fields: {
    readonly concurrency: number | string;
    readonly retryConcurrency: number | string;
    readonly timeout: string;
  },
  before: QueueSettings,
): QueueSettingsRequest {
  const concurrency = numberOf(fields.concurrency);
  const retryConcurrency = numberOf(fields.retryConcurrency);
  const timeout = fields.timeout.trim();
  return {
    ...(concurrency !== before.concurrency && { concurrency }),
    ...(retryConcurrency !== before.retryConcurrency && { retryConcurrency }),
    ...(timeout !== (timeoutText(before) ?? '') && { timeout: timeout === '' ? null : durationOf(timeout) }),
  };
}

function numberOf(field: number | string): number | null {
  return field === '' ? null : Number(field);
}

/** A bare number is milliseconds. */
function durationOf(text: string): number | string {
  return /^\d+$/.test(text) ? Number(text) : text;
}
