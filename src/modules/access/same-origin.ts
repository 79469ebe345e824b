import { isLoopback } from '../../config/index.js';

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Whether the page that sent a request came from here: `unknown` for what is no browser, or an old one. */
export type PageOrigin = 'same' | 'local' | 'foreign' | 'unknown';

/** Where the page behind a request came from, by the header `Origin` that every browser sends with what changes something. */
export function pageOrigin(headers: Headers): PageOrigin {
  const { origin, host, 'sec-fetch-site': site } = headers;
  if (typeof origin !== 'string')
    return site === undefined ? 'unknown' : site === 'same-origin' ? 'same' : 'foreign';
  if (!URL.canParse(origin)) return 'foreign';
  const page = new URL(origin);
  if (typeof host === 'string' && page.host === host.toLowerCase()) return 'same';
  return isLoopback(page.hostname) ? 'local' : 'foreign';
}
