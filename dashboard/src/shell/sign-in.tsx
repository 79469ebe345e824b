import { Button, PasswordInput, Stack, Text, Title } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { answered, api } from '../api/client.js';
import { signInState } from '../api/sign-in-state.js';
import { ProblemAlert } from '../parts/problem-alert.js';

/** Asks for a token and leaves it to the server: what this browser keeps is a cookie that no script can read. */
export function SignIn(): ReactElement {
  const client = useQueryClient();
  const [token, setToken] = useState('');
  const send = useMutation({
    mutationFn: () => answered(api.POST('/session', { body: { token: token.trim() } })),
    onSuccess: () => {
      client.clear();
      signInState.set(false);
    },
  });
  return (
    <main className="sign-in">
      <form
        className="panel sign-in-form"
        onSubmit={(event) => {
          event.preventDefault();
          send.mutate();
        }}
      >
        <Stack gap="md">
          <div className="brand">
            <img src="rook.svg" alt="" width={28} height={28} />
            <Title order={1} size="h4">
              Sign in to Rookery
            </Title>
          </div>
          <PasswordInput
            label="Token"
            description="One of the server’s api.tokens: its secret, the last part."
            value={token}
            onChange={({ currentTarget }) => setToken(currentTarget.value)}
            autoComplete="current-password"
            required
            autoFocus
          />
          {send.error && <ProblemAlert error={send.error} />}
          <Button type="submit" loading={send.isPending}>
            Sign in
          </Button>
          <Text size="sm" c="dimmed">
            A session lasts 12 hours. What you may do is the token’s role: read, operate or admin.
          </Text>
        </Stack>
      </form>
    </main>
  );
}
