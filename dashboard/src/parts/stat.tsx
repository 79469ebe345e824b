import type { ReactElement, ReactNode } from 'react';

/** One figure with its name. */
export function Stat({
  label,
  children,
  isBad = false,
}: {
  readonly label: string;
  readonly children: ReactNode;
  readonly isBad?: boolean;
}): ReactElement {
  return (
    <div className="panel stat">
      <div className="stat-label">{label}</div>
      <div className="stat-value" data-tone={isBad ? 'bad' : undefined}>
        {children}
      </div>
    </div>
  );
}
