import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { Health } from '../../kernel/health.js';
import { Lifecycle } from '../../kernel/lifecycle.js';
import { Database } from '../database/index.js';
import { Answer } from '../job/index.js';
import { HealthController } from './health.controller.js';

/** The health routes, and the two parts every process has: its connection to the database, and itself until it is told to stop. */
@Module({ controllers: [HealthController], providers: [Answer] })
export class HealthModule implements OnModuleInit {
  constructor(
    @Inject(Health) private readonly health: Health,
    @Inject(Lifecycle) private readonly lifecycle: Lifecycle,
    private readonly database: Database,
  ) {}

  onModuleInit(): void {
    this.health.register('process', () => {
      const isReady = !this.lifecycle.isStopping;
      return { isLive: true, isReady, detail: isReady ? 'running' : 'shutting down' };
    });
    this.health.register('database', () => {
      const { state } = this.database;
      const isReady = state.status === 'up';
      const seconds = Math.round(state.forMs / 1000);
      // A restart would not bring the database back.
      return {
        isLive: true,
        isReady,
        detail: isReady ? `connected for ${seconds} s` : `away for ${seconds} s`,
      };
    });
  }
}
