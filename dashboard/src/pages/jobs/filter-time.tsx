import { TextInput } from '@mantine/core';
import type { ReactElement } from 'react';

/** A part of a filter that is a time: shown on the reader's clocks, held with its zone. */
export function FilterTime({
  label,
  value,
  onChange,
}: {
  readonly label: string;
  readonly value: string | undefined;
  readonly onChange: (time: string) => void;
}): ReactElement {
  return (
    <TextInput
      label={label}
      type="datetime-local"
      value={value === undefined ? '' : localText(value)}
      onChange={({ currentTarget }) => {
        const at = new Date(currentTarget.value);
        onChange(Number.isNaN(at.getTime()) ? '' : at.toISOString());
      }}
    />
  );
}

/** As the field wants it: local, to the minute. */
function localText(at: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return '';
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
