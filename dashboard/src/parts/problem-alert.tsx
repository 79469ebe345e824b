import { Alert, Button, Code, List, Text } from '@mantine/core';
import type { ReactElement } from 'react';
import { ApiError } from '../api/api-error.js';
import { Icon } from './icon.js';

/** What went wrong, in the server's words, and a way to try again. */
export function ProblemAlert({
  error,
  onRetry,
}: {
  readonly error: Error;
  readonly onRetry?: () => void;
}): ReactElement {
  const problem = error instanceof ApiError ? error : undefined;
  return (
    <Alert
      color="red"
      variant="light"
      icon={<Icon name="alert" />}
      title={problem?.title ?? 'The page could not show this'}
      role="alert"
    >
      <Text size="sm">{problem?.detail ?? error.message}</Text>
      {problem && problem.issues.length > 0 && (
        <List size="sm" mt="xs">
          {problem.issues.map(({ path, message }) => (
            <List.Item key={path + message}>
              <Code>{path}</Code> {message}
            </List.Item>
          ))}
        </List>
      )}
      {onRetry && (
        <Button size="xs" mt="sm" color="red" variant="outline" onClick={onRetry}>
          Try again
        </Button>
      )}
    </Alert>
  );
}
