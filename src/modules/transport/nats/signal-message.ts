import type { Signal } from '../transport.js';

/** A signal as its message; its kind is the last token of the subject. A fin carries the flag its listeners outside wait for. */
export function encodeSignal(signal: Signal): string {
  const { kind, ...content } = signal;
  return JSON.stringify(kind === 'fin' ? { flag: kind, ...content } : content);
}

/** The signal of that kind that a message holds; undefined when there is no such kind or the message is malformed. */
export function decodeSignal(kind: string, text: string): Signal | undefined {
  const fields = parse(text);
  switch (kind) {
    case 'cancel':
      return isTexts(fields['ids']) ? { kind, ids: fields['ids'] } : undefined;
    case 'pause':
    case 'resume':
    case 'settings':
      return isText(fields['queue']) ? { kind, queue: fields['queue'] } : undefined;
    case 'drain':
      return isText(fields['workerId']) ? { kind, workerId: fields['workerId'] } : undefined;
    case 'fin':
      return isText(fields['batchId']) ? { kind, batchId: fields['batchId'] } : undefined;
    default:
      return undefined;
  }
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(isText);
}
