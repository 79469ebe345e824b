import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient, type UseMutationResult } from '@tanstack/react-query';
import { ApiError } from '../api/api-error.js';

/** For how long the server gives all who ask the same answer, and a little. */
const SHARED_MS = 1_200;

/**
 * Something the operator does: it is done once, said when it is done or why it was not, and what the page shows is asked for anew.
 */
export function useAct<Input, Answer>(
  act: (input: Input) => Promise<Answer>,
  said: (answer: Answer, input: Input) => string,
): UseMutationResult<Answer, Error, Input> {
  const client = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSuccess: (answer, input) => notifications.show({ message: said(answer, input), color: 'teal' }),
    onError: (error) =>
      notifications.show({
        title: error instanceof ApiError ? error.title : 'That did not work',
        message: error instanceof ApiError ? error.detail : error.message,
        color: 'red',
        autoClose: 10_000,
      }),
    onSettled: () => {
      // The second time for what the server had put together just before.
      setTimeout(() => void client.invalidateQueries(), SHARED_MS);
      return client.invalidateQueries();
    },
  });
}
