import { Kbd, Modal, Table } from '@mantine/core';
import type { ReactElement } from 'react';
import { places } from './places.js';

/** The keys, in a list. */
export function Help({
  isOpen,
  onClose,
}: {
  readonly isOpen: boolean;
  readonly onClose: () => void;
}): ReactElement {
  const keys: readonly (readonly [readonly string[], string])[] = [
    [['/'], 'Search: a job’s id, or what a job is about (its objectId)'],
    ...places.map(({ key, name }) => [['g', key], `Go to ${name}`] as const),
    [['?'], 'This list'],
    [['Esc'], 'Close, or leave the field'],
  ];
  return (
    <Modal opened={isOpen} onClose={onClose} title="Keys" closeButtonProps={{ 'aria-label': 'Close' }}>
      <Table>
        <Table.Tbody>
          {keys.map(([combination, meaning]) => (
            <Table.Tr key={meaning}>
              <Table.Td w={90}>
                {combination.map((key) => (
                  <Kbd key={key} mr={4}>
                    {key}
                  </Kbd>
                ))}
              </Table.Td>
              <Table.Td>{meaning}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Modal>
  );
}
