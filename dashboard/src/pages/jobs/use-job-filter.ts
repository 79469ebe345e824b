import { useMemo } from 'react';
import { useSearchParams } from 'react-router';
import type { JobFilter } from '../../api/types.js';

/** The parts of a filter, as the API names them. */
export const filterFields = [
  'status',
  'queue',
  'name',
  'error',
  'objectId',
  'batchId',
  'since',
  'until',
] as const;
export type FilterField = (typeof filterFields)[number];
/** Parts to be changed; an empty text takes one away. */
export type FilterChange = Readonly<Partial<Record<FilterField, string>>>;

/** The filter that the address holds, and a way to change it. */
export function useJobFilter(): {
  readonly filter: JobFilter;
  readonly change: (part: FilterChange) => void;
} {
  const [params, setParams] = useSearchParams();
  const text = params.toString();
  const filter = useMemo(() => {
    const given = new URLSearchParams(text);
    return Object.fromEntries(
      filterFields.flatMap((field) => {
        const value = given.get(field)?.trim() ?? '';
        return value === '' ? [] : [[field, value]];
      }),
    );
  }, [text]);
  return {
    filter,
    change: (part) =>
      setParams(
        Object.fromEntries(
          Object.entries({ ...filter, ...part }).filter(([, value]) => value !== undefined && value !== ''),
        ),
      ),
  };
}
