import { Button, Tooltip } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { answered, api } from '../api/client.js';
import { sessionQuery } from '../api/queries.js';
import { signInState } from '../api/sign-in-state.js';

/** Ends the session of this browser; not there where nobody is asked who they are. */
export function SignOut(): ReactElement | null {
  const { data } = useQuery(sessionQuery);
  const { mutate } = useMutation({
    mutationFn: () => answered(api.DELETE('/session')),
    onSuccess: () => signInState.set(true),
  });
  if (!data?.required || data.label === null) return null;
  return (
    <Tooltip label={`Signed in as ${data.label}, who may ${data.role ?? 'do nothing'}`}>
      <Button variant="default" size="compact-md" onClick={() => mutate()}>
        Sign out
      </Button>
    </Tooltip>
  );
}
