const listeners = new Set<() => void>();
let isNeeded = false;

/** Whether the server has refused a request because it does not know who asks; the page then asks for a token. */
export const signInState = {
  isNeeded: (): boolean => isNeeded,
  set: (value: boolean): void => {
    if (value === isNeeded) return;
    isNeeded = value;
    for (const listener of listeners) listener();
  },
  subscribe: (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};
