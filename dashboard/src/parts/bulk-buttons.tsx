import { Button, Group, Text } from '@mantine/core';
import { useState, type ReactElement } from 'react';
import type { JobFilter } from '../api/types.js';
import { countedText } from '../text/count-text.js';
import type { BulkBody, BulkVerb } from './bulk-change.js';
import { BulkDialog } from './bulk-dialog.js';
import { Icon } from './icon.js';

/** Which states each verb is for. */
const MEANT: Readonly<Record<BulkVerb, readonly string[]>> = {
  retry: ['failed', 'canceled'],
  cancel: ['waiting', 'executing'],
};

/** What one can do with the jobs chosen, or else with all of the filter. Both ask first, with the number that it would change. */
export function BulkButtons({
  selected,
  filter,
  shown,
  onDone,
}: {
  readonly selected: ReadonlySet<string>;
  readonly filter: JobFilter;
  readonly shown: number;
  readonly onDone: () => void;
}): ReactElement {
  const [asked, setAsked] = useState<{ readonly verb: BulkVerb; readonly body: BulkBody }>();
  const isChosen = selected.size > 0;
  const { status } = filter;
  const fits = (verb: BulkVerb): boolean =>
    isChosen || (shown > 0 && (status === undefined || MEANT[verb].includes(status)));
  const ask = (verb: BulkVerb): void =>
    setAsked({ verb, body: isChosen ? { ids: [...selected] } : filterBody(filter) });
  return (
    <Group p="sm" gap="xs" className="bulk">
      <Text size="sm" fw={isChosen ? 600 : 400} c={isChosen ? 'inherit' : 'dimmed'} role="status">
        {isChosen ? `${countedText(selected.size, 'job')} chosen` : 'All of these:'}
      </Text>
      <Button
        size="compact-sm"
        variant="default"
        leftSection={<Icon name="retry" size={14} />}
        disabled={!fits('retry')}
        onClick={() => ask('retry')}
      >
        {isChosen ? 'Retry' : 'Retry all…'}
      </Button>
      <Button
        size="compact-sm"
        variant="default"
        leftSection={<Icon name="stop" size={14} />}
        disabled={!fits('cancel')}
        onClick={() => ask('cancel')}
      >
        {isChosen ? 'Cancel' : 'Cancel all…'}
      </Button>
      {isChosen && (
        <Button size="compact-sm" variant="subtle" onClick={onDone}>
          Choose none
        </Button>
      )}
      {asked && (
        <BulkDialog
          {...asked}
          onClose={() => {
            setAsked(undefined);
            onDone();
          }}
        />
      )}
    </Group>
  );
}

/** The filter as a body; one that names nothing has to say that it means everything. */
function filterBody(filter: JobFilter): BulkBody {
  return Object.keys(filter).length === 0 ? { all: true } : filter;
}
