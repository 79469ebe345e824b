import { Inject, Injectable } from '@nestjs/common';
import { systemClock } from '../../kernel/clock.js';
import { Health, type HealthReport } from '../../kernel/health.js';
import { version } from '../../kernel/version.js';
import { Database, type DatabaseDescription } from '../database/index.js';

/** What a process and its database are. */
export interface Diagnosis {
  readonly version: string;
  readonly node: string;
  readonly at: string;
  readonly clockOffsetMs: number;
  readonly database: DatabaseDescription & { readonly embedded: boolean };
  readonly parts: Readonly<Record<string, HealthReport>>;
}

/** Tells what a fault report has to say. */
@Injectable()
export class DiagnosisReader {
  constructor(
    private readonly database: Database,
    @Inject(Health) private readonly health: Health,
  ) {}

  async diagnosis(): Promise<Diagnosis> {
    const described = await this.database.describe();
    return {
      version: version(),
      node: process.versions.node,
      at: new Date(systemClock.now()).toISOString(),
      clockOffsetMs: this.database.clock.offset,
      database: { embedded: this.database.isEmbedded, ...described },
      parts: this.health.report(),
    };
  }
}
