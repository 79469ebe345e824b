import { List } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { waitingQuery } from '../../api/queries.js';
import { Panel } from '../../parts/panel.js';
import { QueryView } from '../../parts/query-view.js';
import { TextWithTimes } from '../../parts/text-with-times.js';

/** Why the job waits, in words. */
export function WaitingPanel({ id }: { readonly id: string }): ReactElement {
  const query = useQuery(waitingQuery(id));
  return (
    <Panel title="Why it waits" isPadded>
      <QueryView query={query} lines={1}>
        {({ reasons }) => (
          <List spacing="xs">
            {reasons.map(({ code, text }) => (
              <List.Item key={code}>
                <TextWithTimes text={text} />
              </List.Item>
            ))}
          </List>
        )}
      </QueryView>
    </Panel>
  );
}
