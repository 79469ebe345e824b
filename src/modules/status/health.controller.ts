import { Get, Inject, Res } from '@nestjs/common';
import { Health, type HealthReport } from '../../kernel/health.js';
import { Answer, RestController } from '../job/index.js';

/** What a health route answers: the whole, and each part by name. */
interface HealthAnswer {
  readonly status: 'up' | 'down';
  readonly parts: Readonly<Record<string, HealthReport>>;
}

/** Tells supervisors whether to restart the process, and load balancers whether to send it requests: 200, or 503 with the part that says no. */
@RestController('health')
export class HealthController {
  constructor(
    @Inject(Health) private readonly health: Health,
    private readonly answer: Answer,
  ) {}

  @Get('live')
  live(@Res({ passthrough: true }) response: unknown): HealthAnswer {
    return this.answerOf(response, (report) => report.isLive);
  }

  @Get('ready')
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
