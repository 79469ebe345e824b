import { Body, Delete, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { z } from 'zod';
import { roles, type ApiToken } from '../../../config/index.js';
import { systemClock } from '../../../kernel/clock.js';
import {
  Access,
  Needs,
  SESSION_COOKIE,
  SESSION_MS,
  assertOwnPage,
  writeSession,
  type HttpRequest,
} from '../../access/index.js';
import { BodyLimit } from './body-limit.decorator.js';
import { CheckedBy, expects } from './checked-by.js';
import { isoTime } from './openapi/answer-of.js';
import { Describes } from './openapi/described.decorator.js';
import { RestController } from './rest-controller.decorator.js';

const LARGEST_BODY = 16 * 1024;

const sessionRequest = z
  .strictObject(
    { token: z.string(expects('the secret of a token')) },
    expects('a JSON object, as {"token": "SECRET"}'),
  )
  .meta({ id: 'SessionRequest' });

const sessionAnswer = z
  .strictObject({
    required: z.boolean().meta({ description: 'False where nobody is asked who they are' }),
    label: z.string().nullable().meta({ description: 'Of the token; null for nobody' }),
    role: z.enum(roles).nullable().meta({ description: 'What one may do; null for nothing' }),
    expiresAt: isoTime.nullable(),
  })
  .meta({ id: 'Session', description: 'Who one is to this server' });
type SessionAnswer = z.output<typeof sessionAnswer>;

const OPEN: SessionAnswer = { required: false, label: null, role: 'admin', expiresAt: null };
const NOBODY: SessionAnswer = { required: true, label: null, role: null, expiresAt: null };
const example: SessionAnswer = {
  required: true,
  label: 'ops',
  role: 'operate',
  expiresAt: '2026-01-31T15:00:00.000Z',
};

/** Signs browsers in and out: their event streams can send no header, but do send a cookie that no script reads. */
@RestController('session')
@Needs('nothing')
export class SessionController {
  constructor(
    private readonly access: Access,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  @Get()
  @Describes({
    tag: 'access',
    summary: 'Who one is',
    answers: { 200: { about: 'What the session of this browser may do', schema: sessionAnswer, example } },
    readsDatabase: false,
  })
  read(@Req() request: HttpRequest): SessionAnswer {
    if (this.access.isOpen) return OPEN;
    const session = this.access.sessionOf(request);
    return session ? told(session.token, session.expiresAtMs) : NOBODY;
  }

  @Post()
  @HttpCode(200)
  @BodyLimit(LARGEST_BODY)
  @Describes({
    tag: 'access',
    summary: 'Sign in',
    about: 'Sets a cookie for 12 hours that no script can read and no other site can use.',
    bodyExample: { token: 'SECRET' },
    answers: {
      200: {
        about: 'Who one is now',
        schema: sessionAnswer,
        example,
        headers: { 'Set-Cookie': 'The session' },
      },
    },
    errors: ['forbidden', 'too_many_failures', 'unauthorized'],
    readsDatabase: false,
  })
  signIn(
    @Body(new CheckedBy(sessionRequest)) { token: secret }: z.output<typeof sessionRequest>,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: unknown,
  ): SessionAnswer {
    assertOwnPage(request);
    if (this.access.isOpen) return OPEN;
    const token = this.access.tokenOf(secret, request.ip ?? '');
    const expiresAtMs = systemClock.now() + SESSION_MS;
    this.setCookie(request, response, writeSession(token, expiresAtMs), SESSION_MS / 1000);
    return told(token, expiresAtMs);
  }

  @Delete()
  @HttpCode(204)
  @Describes({
    tag: 'access',
    summary: 'Sign out',
    about:
      'Takes the cookie from this browser. Whoever takes the token from the settings ends all of its sessions.',
    answers: { 204: { about: 'Nobody is signed in here', headers: { 'Set-Cookie': 'An empty one' } } },
    errors: ['forbidden'],
    readsDatabase: false,
  })
  signOut(@Req() request: HttpRequest, @Res({ passthrough: true }) response: unknown): void {
    assertOwnPage(request);
    this.setCookie(request, response, '', 0);
  }

  private setCookie({ protocol }: HttpRequest, response: unknown, value: string, seconds: number): void {
    const secure = protocol === 'https' ? '; Secure' : '';
    this.adapterHost.httpAdapter.setHeader(
      response,
      'Set-Cookie',
      `${SESSION_COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${secure}`,
    );
  }
}

function told({ label, role }: ApiToken, expiresAtMs: number): SessionAnswer {
  return { required: true, label, role, expiresAt: new Date(expiresAtMs).toISOString() };
}
