import { z } from 'zod';
import { problemOf } from './request-target.js';

/** Generous for an API call and small beside what servers accept. */
const MOST_HEADERS = 64;
const LONGEST_HEADER = 8_192;
const LONGEST_URL = 8_192;

/** Headers that belong to the connection, or that another system trusts: whoever set them could speak for a host it was not sent to. */
const RESERVED =
  /^(connection|content-length|expect|host|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade)$/i;

const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, 'is no header name')
  .refine((name) => !RESERVED.test(name), 'is set by the connection itself; leave it out');

/** Hidden where the job is shown: it may be a token. */
const headerValue = z
  .string()
  .max(LONGEST_HEADER)
  .regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'holds a line break, or a character that no header can carry')
  .meta({ secret: true });

const url = z
  .string()
  .max(LONGEST_URL)
  .superRefine((text, context) => {
    const problem = URL.canParse(text)
      ? problemOf(new URL(text))
      : 'is no URL; write it whole, as https://example.com/path';
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  });

/** What to call and how. A body that is a string is sent as it is, any other as JSON. */
export const requestPayload = z
  .strictObject({
    url,
    method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']).default('GET'),
    headers: z
      .record(headerName, headerValue)
      .refine(
        (headers) => Object.keys(headers).length <= MOST_HEADERS,
        `has more than ${MOST_HEADERS} headers`,
      )
      .default({}),
    body: z.json().optional(),
  })
  .refine(({ method, body }) => body === undefined || (method !== 'GET' && method !== 'HEAD'), {
    path: ['body'],
    message: 'is not sent with GET and HEAD; use another method, or leave it out',
  });

/** The payload as the handler receives it. */
export type RequestPayload = z.output<typeof requestPayload>;
