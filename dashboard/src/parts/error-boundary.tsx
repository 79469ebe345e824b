import { Button, Stack, Text } from '@mantine/core';
import { Component, type ReactNode } from 'react';

interface State {
  readonly error: Error | undefined;
}

interface Props {
  /** A failure is over as soon as this is another one. */
  readonly place: string;
  readonly children: ReactNode;
}

/** Keeps a part that cannot be loaded or shown from taking the rest of the page with it, and says what helps. */
export class ErrorBoundary extends Component<Props, State> {
  override readonly state: State = { error: undefined };

  static getDerivedStateFromError(error: Error): State {
    return { error };
  }

  override componentDidUpdate({ place }: Props): void {
    if (place !== this.props.place && this.state.error) this.setState({ error: undefined });
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <Stack gap="xs" p="md" align="flex-start" role="alert">
        <Text fw={600}>This part of the page could not be shown.</Text>
        <Text size="sm">
          The server or the network may be away, or the page was built anew since it was opened:{' '}
          {error.message}
        </Text>
        <Button size="compact-sm" onClick={() => location.reload()}>
          Reload
        </Button>
      </Stack>
    );
  }
}
