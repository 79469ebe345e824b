import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Fragment, type ReactElement } from 'react';
import { logQuery } from '../../api/queries.js';
import { Panel } from '../../parts/panel.js';
import { QueryView } from '../../parts/query-view.js';
import { exactText } from '../../text/exact-text.js';

const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hourCycle: 'h23',
});
const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });

/** What the handler has logged, run by run, at the times that the reader's clocks show. */
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
              {lines.map(({ run, line, at, message }, index) => (
                <Fragment key={`${run}/${line}`}>
                  {dateText(at) !== dateText(lines[index - 1]?.at) && (
                    <div className="log-date">{dateText(at)}</div>
                  )}
                  <div>
                    <time dateTime={at} title={exactText(at)}>
                      {clock.format(new Date(at))}
                    </time>
                    <span className="log-run">run {run}</span>
                    <span>{message}</span>
                  </div>
                </Fragment>
              ))}
            </div>
          )
        }
      </QueryView>
    </Panel>
  );
}

/** The day of a time; undefined before the first line. */
function dateText(at: string | undefined): string | undefined {
  return at === undefined ? undefined : calendar.format(new Date(at));
}
