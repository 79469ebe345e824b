import { Title } from '@mantine/core';
import { useId, type ReactElement, type ReactNode } from 'react';

/** A part of a page with its heading. */
export function Panel({
  title,
  actions,
  isPadded = false,
  children,
}: {
  readonly title: string;
  readonly actions?: ReactNode;
  readonly isPadded?: boolean;
  readonly children: ReactNode;
}): ReactElement {
  const id = useId();
  return (
    <section className="panel" aria-labelledby={id}>
      <div className="panel-head">
        <Title order={2} size="h5" id={id}>
          {title}
        </Title>
        {actions}
      </div>
      {isPadded ? <div className="panel-body">{children}</div> : children}
    </section>
  );
}
