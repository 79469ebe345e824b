import { Button } from '@mantine/core';
import { useState, type ReactElement } from 'react';
import type { Queue } from '../../api/types.js';
import { Icon } from '../../parts/icon.js';
import { QueueSettingsForm } from './queue-settings-form.js';

/** Opens the settings of a queue. */
export function SettingsButton({ queue }: { readonly queue: Queue }): ReactElement {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <Button
        size="compact-sm"
        variant="default"
        leftSection={<Icon name="edit" size={14} />}
        onClick={() => setIsOpen(true)}
        aria-label={`Settings of the queue ${queue.name}`}
      >
        Settings
      </Button>
      {isOpen && <QueueSettingsForm queue={queue} onClose={() => setIsOpen(false)} />}
    </>
  );
}
