import { useSyncExternalStore, type ReactElement, type ReactNode } from 'react';
import { signInState } from '../api/sign-in-state.js';
import { SignIn } from './sign-in.js';

/** Shows the page, or asks for a token where the server does not know this browser; the address stays, and so the way back. */
export function SignInGate({ children }: { readonly children: ReactNode }): ReactElement {
  const isNeeded = useSyncExternalStore(signInState.subscribe, signInState.isNeeded);
  return isNeeded ? <SignIn /> : <>{children}</>;
}
