import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { logQuery } from '../../api/queries.js';
import { Panel } from '../../parts/panel.js';
import { QueryView } from '../../parts/query-view.js';

/** What the handler has logged, run by run. */
export function JobLogPanel({
  id,
  isRunning,
}: {
  readonly id: string;
  readonly isRunning: boolean;
}): ReactElement {
  const query = useQuery(logQuery(id, isRunning));
  return (
    <Panel title="Log" isPadded>
      <QueryView query={query} lines={2}>
        {({ lines }) =>
          lines.length === 0 ? (
            <Text size="sm" c="dimmed">
              Its handler has logged nothing. What it writes with <code>ctx.log(…)</code> is shown here.
            </Text>
          ) : (
            <div className="log" tabIndex={0} role="region" aria-label="Log lines">
              {lines.map(({ run, line, at, message }) => (
                <div key={`${run}/${line}`}>
                  <time dateTime={at}>{at.slice(11, 23)}</time>
                  <span className="log-run">run {run}</span>
                  <span>{message}</span>
                </div>
              ))}
            </div>
          )
        }
      </QueryView>
    </Panel>
  );
}
