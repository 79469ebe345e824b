import { QueryClient } from '@tanstack/react-query';
import { ApiError } from './api-error.js';

/** A request the server has answered with a refusal is not repeated by itself: it would be refused again. */
const isWorthRetrying = (failures: number, error: Error): boolean =>
  failures < 2 && (!(error instanceof ApiError) || error.status === 0 || error.status >= 500);

/** What the page knows of the server. Answers are shared by all parts of the page; a hidden tab asks for nothing. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      retry: isWorthRetrying,
      staleTime: 2_000,
      refetchIntervalInBackground: false,
      refetchOnWindowFocus: true,
    },
  },
});
