import { Inject, type OnApplicationShutdown } from '@nestjs/common';
import type { Agent } from 'undici';
import {
  CONFIG,
  JobHandler,
  defineJob,
  type ErrorVerdict,
  type Handler,
  type JobContext,
  type RookeryConfig,
} from '../../index.js';
import { guardedAgent } from './guarded-agent.js';
import { exchange, type HttpExchange } from './http-exchange.js';
import { isPublicAddress } from './public-address.js';
import { RequestError } from './request-error.js';
import { requestPayload, type RequestPayload } from './request-payload.js';
import { httpUrl, type RequestTarget } from './request-target.js';

/** `http:request`: calls a URL and keeps the answer. A server that has not answered within 30 s is asked again. */
export const HttpRequest = defineJob({
  name: 'http:request',
  payload: requestPayload,
  timeout: '30s',
});

/** What a server answers that is busy or broken for the moment: too slow, too early, too many, and everything from 500. */
const MAY_PASS = new Set([408, 425, 429]);

/** How much of an error page stands in the error, in characters: enough for the reason, and an error is kept up to 4 KiB. */
const QUOTED_CHARACTERS = 500;

/**
 * Calls the URL. A status below 400 is a success, whose result is the answer. 408, 425, 429, from 500 on and failures of the
 * network are tried again; every other status from 400 and a request that must not be made fail the job for good.
 */
@JobHandler(HttpRequest)
export class HttpRequestHandler implements Handler<typeof HttpRequest>, OnApplicationShutdown {
  private readonly agent: Agent;
  private readonly limits: RookeryConfig['samples']['httpRequest'];

  constructor(@Inject(CONFIG) config: RookeryConfig) {
    this.limits = config.samples.httpRequest;
    this.agent = guardedAgent(this.limits.allowPrivateAddresses ? () => true : isPublicAddress);
  }

  async handle(payload: RequestPayload, ctx: JobContext): Promise<HttpExchange> {
    const target = targetOf(payload);
    const { agent, limits } = this;
    const answer = await exchange(target, { ...limits, agent, signal: ctx.signal });
    ctx.log(`${target.method} ${answer.url} answered ${answer.status}`);
    if (answer.status >= 400) throw refusal(target, answer);
    return answer;
  }

  onError(error: Error): ErrorVerdict {
    return error instanceof RequestError && error.isFinal ? 'fail' : 'retry';
  }

  async onApplicationShutdown(): Promise<void> {
    await this.agent.destroy();
  }
}

function targetOf({ url, method, headers, body }: RequestPayload): RequestTarget {
  const names = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  const isJson = body !== undefined && typeof body !== 'string';
  return {
    url: httpUrl(url),
    method,
    headers: {
      ...(!names.has('user-agent') && { 'user-agent': 'rookery' }),
      ...(!names.has('accept-encoding') && { 'accept-encoding': 'gzip, br' }),
      ...(isJson && !names.has('content-type') && { 'content-type': 'application/json' }),
      ...headers,
    },
    body: isJson ? JSON.stringify(body) : body,
  };
}

function refusal(target: RequestTarget, { url, status, body, encoding }: HttpExchange): RequestError {
  const isFinal = status < 500 && !MAY_PASS.has(status);
  const quoted = encoding === 'utf-8' && body !== '' ? `: ${body.slice(0, QUOTED_CHARACTERS)}` : '';
  return new RequestError(`${target.method} ${url} answered ${status}${quoted}`, isFinal);
}
