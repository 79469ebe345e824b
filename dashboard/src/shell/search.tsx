import { Kbd, TextInput } from '@mantine/core';
import { useState, type ReactElement, type RefObject } from 'react';
import { useNavigate } from 'react-router';
import { Icon } from '../parts/icon.js';

const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** Goes to the job of an id, or to the jobs about an object. */
export function Search({ field }: { readonly field: RefObject<HTMLInputElement | null> }): ReactElement {
  const [text, setText] = useState('');
  const navigate = useNavigate();
  const go = (): void => {
    const wanted = text.trim();
    if (wanted === '') return;
    void navigate(
      UUID.test(wanted) ? `/jobs/${wanted.toLowerCase()}` : `/jobs?objectId=${encodeURIComponent(wanted)}`,
    );
    setText('');
    field.current?.blur();
  };
  return (
    <form
      role="search"
      className="search"
      onSubmit={(event) => {
        event.preventDefault();
        go();
      }}
    >
      <TextInput
        ref={field}
        value={text}
        onChange={({ currentTarget }) => setText(currentTarget.value)}
        onKeyDown={({ key, currentTarget }) => key === 'Escape' && currentTarget.blur()}
        placeholder="Job id or object id"
        aria-label="Search a job by its id or its object id"
        leftSection={<Icon name="search" size={16} />}
        rightSection={<Kbd size="xs">/</Kbd>}
        size="sm"
      />
    </form>
  );
}
