import {
  Button,
  Group,
  Modal,
  NativeSelect,
  SimpleGrid,
  Stack,
  Switch,
  Textarea,
  TextInput,
} from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { workersQuery } from '../../api/queries.js';
import { answered, api } from '../../api/client.js';
import type { Schedule, ScheduleRequest } from '../../api/types.js';
import { ProblemAlert } from '../../parts/problem-alert.js';

interface Fields {
  readonly name: string;
  readonly kind: 'cron' | 'every';
  readonly when: string;
  readonly timeZone: string;
  readonly job: string;
  readonly payload: string;
  readonly catchUp: string;
  readonly jitter: string;
  /** Undefined as long as nobody has touched it: then it stays as it is. */
  readonly paused: boolean | undefined;
}

/** Makes a schedule, or changes one; what is wrong is told by the server, field by field. */
export function ScheduleForm({
  schedule,
  onClose,
}: {
  readonly schedule?: Schedule;
  readonly onClose: () => void;
}): ReactElement {
  const client = useQueryClient();
  const [fields, setFields] = useState(() => fieldsOf(schedule));
  const { data } = useQuery(workersQuery);
  const types = [...new Set(data?.workers.flatMap((worker) => worker.types))].sort();
  const set = (part: Partial<Fields>): void => setFields((before) => ({ ...before, ...part }));
  const send = useMutation({
    mutationFn: async () => {
      const params = { path: { name: fields.name.trim() } };
      // As it is now: somebody may have paused it since the form was opened.
      const known = schedule && (await answered(api.GET('/schedule/{name}', { params })));
      return answered(api.PUT('/schedule/{name}', { params, body: bodyOf(fields, known) }));
    },
    onSuccess: async () => {
      await client.invalidateQueries();
      onClose();
    },
  });
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={schedule ? `Change ${schedule.name}` : 'New schedule'}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send.mutate();
        }}
      >
        <Stack gap="sm">
          <TextInput
            label="Name"
            required
            value={fields.name}
            disabled={schedule !== undefined}
            onChange={({ currentTarget }) => set({ name: currentTarget.value })}
            data-autofocus={schedule === undefined || undefined}
          />
          <SimpleGrid cols={{ base: 1, sm: 3 }}>
            <NativeSelect
              label="Fires by"
              value={fields.kind}
              onChange={({ currentTarget }) => set({ kind: currentTarget.value as Fields['kind'] })}
              data={[
                { value: 'cron', label: 'a cron expression' },
                { value: 'every', label: 'an interval' },
              ]}
            />
            <TextInput
              label={fields.kind === 'cron' ? 'Cron' : 'Every'}
              required
              placeholder={fields.kind === 'cron' ? '0 2 * * *' : '15m'}
              value={fields.when}
              onChange={({ currentTarget }) => set({ when: currentTarget.value })}
            />
            <TextInput
              label="Time zone"
              value={fields.timeZone}
              onChange={({ currentTarget }) => set({ timeZone: currentTarget.value })}
            />
          </SimpleGrid>
          <NativeSelect
            label="Job type"
            required
            value={fields.job}
            onChange={({ currentTarget }) => set({ job: currentTarget.value })}
            data={['', ...new Set([...types, ...(fields.job === '' ? [] : [fields.job])])]}
          />
          <Textarea
            label="Payload"
            autosize
            minRows={3}
            maxRows={12}
            spellCheck={false}
            classNames={{ input: 'code-field' }}
            value={fields.payload}
            onChange={({ currentTarget }) => set({ payload: currentTarget.value })}
          />
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <TextInput
              label="Times missed"
              description="skip, latest, or how many of them"
              value={fields.catchUp}
              onChange={({ currentTarget }) => set({ catchUp: currentTarget.value })}
            />
            <TextInput
              label="Jitter"
              description="up to this much later, at random"
              value={fields.jitter}
              onChange={({ currentTarget }) => set({ jitter: currentTarget.value })}
            />
          </SimpleGrid>
          <Switch
            label="Paused"
            checked={fields.paused ?? schedule?.paused ?? false}
            onChange={({ currentTarget }) => set({ paused: currentTarget.checked })}
          />
          {send.error && <ProblemAlert error={send.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Leave it
            </Button>
            <Button type="submit" loading={send.isPending}>
              {schedule ? 'Change' : 'Make'}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function fieldsOf(schedule: Schedule | undefined): Fields {
  if (!schedule) {
    return {
      name: '',
      kind: 'cron',
      when: '',
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      job: '',
      payload: '{}',
      catchUp: 'latest',
      jitter: '0s',
      paused: undefined,
    };
  }
  const { name, cron, everyMs, timeZone, job, payload, catchUp, jitterMs } = schedule;
  return {
    name,
    kind: cron === null ? 'every' : 'cron',
    when: cron ?? `${(everyMs ?? 0) / 1_000}s`,
    timeZone,
    job,
    payload: JSON.stringify(payload, null, 2),
    catchUp: typeof catchUp === 'string' ? catchUp : String(catchUp.all),
    jitter: `${jitterMs / 1_000}s`,
    paused: undefined,
  };
}

/** The body of the request; what the form does not show stays as it is. */
function bodyOf(fields: Fields, schedule: Schedule | undefined): ScheduleRequest {
  const { kind, when, timeZone, job, payload, catchUp, jitter, paused } = fields;
  return {
    [kind]: when.trim(),
    timeZone: timeZone.trim(),
    job,
    payload: JSON.parse(payload) as unknown,
    catchUp: catchUpOf(catchUp.trim()),
    jitter: jitter.trim(),
    paused: paused ?? schedule?.paused ?? false,
    ...(schedule && schedule.startAt !== null && { startAt: schedule.startAt }),
    ...(schedule && schedule.endAt !== null && { endAt: schedule.endAt }),
  };
}

/** A number, or the word as it is: which words there are the server says. */
function catchUpOf(text: string): NonNullable<ScheduleRequest['catchUp']> {
  return /^\d+$/.test(text) ? { all: Number(text) } : (text as 'skip' | 'latest');
}
