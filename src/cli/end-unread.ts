/** For errors of standard output: ends the process when nobody reads that any more, as `head` does after some lines; that is no failure. */
export function endUnread(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit();
  throw error;
}
