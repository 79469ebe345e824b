import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';
import { ApiError } from './api-error.js';
import { signInState } from './sign-in-state.js';

/** A request the server has answered with a refusal is not repeated by itself: it would be refused again. */
const isWorthRetrying = (failures: number, error: Error): boolean =>
  failures < 2 && (!(error instanceof ApiError) || error.status === 0 || error.status >= 500);

/** Whoever is not known is asked for a token, whatever part of the page found out. */
const onError = (error: Error): void => {
  if (error instanceof ApiError && error.status === 401) signInState.set(true);
};

/**
 * What the page knows of the server. Answers are shared by all parts of the page; a hidden tab asks for nothing. Without a network requests are
 * made all the same and fail, so that figures are not taken for fresh, and no act is kept to be done when nobody expects it any more.
 */
export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: {
    mutations: { networkMode: 'always' },
    queries: {
      networkMode: 'always',
      refetchOnReconnect: true,
      retry: isWorthRetrying,
      staleTime: 2_000,
      refetchIntervalInBackground: false,
      refetchOnWindowFocus: true,
    },
  },
});
