import { Anchor, Group, Text } from '@mantine/core';
import type { ReactElement } from 'react';
import { Link } from 'react-router';
import type { Worker } from '../../api/types.js';
import { ShareBar } from '../../parts/share-bar.js';
import { countText, countedText } from '../../text/count-text.js';

/** All workers in a line: how many there are, and how busy together. */
export function WorkerLine({ workers }: { readonly workers: readonly Worker[] }): ReactElement {
  const sum = (of: (worker: Worker) => number): number =>
    workers.reduce((total, worker) => total + of(worker), 0);
  const slots = sum((worker) => worker.slots);
  const busy = sum((worker) => worker.busy);
  const stuck = sum((worker) => worker.stuck);
  const draining = workers.filter((worker) => worker.draining).length;
  if (workers.length === 0) {
    return (
      <Text p="md">
        No worker is alive: jobs are kept and wait. Start one with <code>npm start -- --entry worker</code>.
      </Text>
    );
  }
  return (
    <Group p="md" gap="md">
      <Anchor component={Link} to="/workers" fw={600}>
        {countedText(workers.length, 'worker')} alive
      </Anchor>
      <div className="worker-bar">
        <ShareBar
          label={`${busy} of ${slots} slots busy, ${stuck} stuck`}
          total={slots}
          parts={[
            { count: busy - stuck, tone: 'run' },
            { count: stuck, tone: 'bad' },
          ]}
        />
      </div>
      <Text size="sm" c="dimmed" className="quiet-number">
        {countText(busy)} of {countText(slots)} slots busy
        {stuck > 0 && `, ${countText(stuck)} stuck`}
        {draining > 0 && `, ${countedText(draining, 'worker')} draining`}
      </Text>
    </Group>
  );
}
