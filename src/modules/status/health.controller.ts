import { Get, Inject, Res } from '@nestjs/common';
import { Health, type HealthReport } from '../../kernel/health.js';
import { Needs } from '../access/index.js';
import { Answer, Describes, RestController } from '../job/index.js';
import { healthAnswer, type HealthAnswer } from './status-answers.dto.js';

/** Tells supervisors whether to restart the process, and load balancers whether to send it requests: 200, or 503 with the part that says no. */
@RestController('health')
@Needs('nothing')
export class HealthController {
  constructor(
    @Inject(Health) private readonly health: Health,
    private readonly answer: Answer,
  ) {}

  @Get('live')
  @Describes({
    tag: 'health',
    summary: 'Whether the process works',
    readsDatabase: false,
    answers: {
      200: {
        about: 'It is, with what each part says of itself',
        schema: healthAnswer,
        example: { status: 'up', parts: { process: { isLive: true, isReady: true, detail: 'running' } } },
      },
      503: {
        about: 'Only a restart helps: every slot is stuck behind a handler that ignores its signal',
        schema: healthAnswer,
        example: {
          status: 'down',
          parts: { process: { isLive: true, isReady: false, detail: 'shutting down' } },
        },
      },
    },
  })
  live(@Res({ passthrough: true }) response: unknown): HealthAnswer {
    return this.answerOf(response, (report) => report.isLive);
  }

  @Get('ready')
  @Describes({
    tag: 'health',
    summary: 'Whether the process takes requests',
    readsDatabase: false,
    answers: {
      200: {
        about: 'It is, with what each part says of itself',
        schema: healthAnswer,
        example: { status: 'up', parts: { process: { isLive: true, isReady: true, detail: 'running' } } },
      },
      503: {
        about:
          'Requests should go elsewhere: the database is away, the lease is lost, or the process is shutting down',
        schema: healthAnswer,
        example: {
          status: 'down',
          parts: { process: { isLive: true, isReady: false, detail: 'shutting down' } },
        },
      },
    },
  })
  ready(@Res({ passthrough: true }) response: unknown): HealthAnswer {
    return this.answerOf(response, (report) => report.isLive && report.isReady);
  }

  private answerOf(response: unknown, isWell: (report: HealthReport) => boolean): HealthAnswer {
    const parts = this.health.report();
    const isUp = Object.values(parts).every(isWell);
    this.answer.status(response, isUp ? 200 : 503);
    return { status: isUp ? 'up' : 'down', parts };
  }
}
