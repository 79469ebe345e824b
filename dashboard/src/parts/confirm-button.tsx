import { Button, Group, Modal, Text, type ButtonProps } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { ReactElement, ReactNode } from 'react';

/** A button that asks first, and says what it will do. */
export function ConfirmButton({
  label,
  question,
  children,
  onConfirm,
  ...button
}: ButtonProps & {
  readonly label: string;
  readonly question: string;
  readonly children: ReactNode;
  readonly onConfirm: () => void;
}): ReactElement {
  const [isOpen, { open, close }] = useDisclosure();
  return (
    <>
      <Button variant="default" size="compact-sm" {...button} onClick={open}>
        {label}
      </Button>
      <Modal opened={isOpen} onClose={close} title={question} closeButtonProps={{ 'aria-label': 'Close' }}>
        <Text size="sm">{children}</Text>
        <Group mt="lg" justify="flex-end">
          <Button variant="default" onClick={close}>
            Leave it
          </Button>
          <Button
            color="red"
            data-autofocus
            onClick={() => {
              close();
              onConfirm();
            }}
          >
            {label}
          </Button>
        </Group>
      </Modal>
    </>
  );
}
