import { TextInput } from '@mantine/core';
import { useEffect, useId, useState, type ReactElement } from 'react';

/** A part of a filter that is text: it holds when one leaves the field or presses Enter, not with each letter. */
export function FilterText({
  label,
  value = '',
  placeholder,
  suggestions = [],
  onChange,
}: {
  readonly label: string;
  readonly value: string | undefined;
  readonly placeholder?: string;
  readonly suggestions?: readonly string[];
  readonly onChange: (value: string) => void;
}): ReactElement {
  const [text, setText] = useState(value);
  const list = useId();
  useEffect(() => setText(value), [value]);
  const hold = (): void => {
    if (text.trim() !== value) onChange(text.trim());
  };
  return (
    <>
      <TextInput
        label={label}
        value={text}
        {...(placeholder !== undefined && { placeholder })}
        {...(suggestions.length > 0 && { list })}
        onChange={({ currentTarget }) => setText(currentTarget.value)}
        onBlur={hold}
        onKeyDown={({ key }) => key === 'Enter' && hold()}
      />
      {suggestions.length > 0 && (
        <datalist id={list}>
          {suggestions.map((suggestion) => (
            <option key={suggestion} value={suggestion} />
          ))}
        </datalist>
      )}
    </>
  );
}
