import { ConsoleLogger, type LogLevel as NestLogLevel } from '@nestjs/common';
import { isatty } from 'node:tty';
import type { LogLevel } from '../config/index.js';
import { systemClock } from '../kernel/clock.js';

const LEVELS: Record<LogLevel, NestLogLevel[]> = {
  debug: ['debug', 'log', 'warn', 'error', 'fatal'],
  info: ['log', 'warn', 'error', 'fatal'],
  warn: ['warn', 'error', 'fatal'],
  error: ['error', 'fatal'],
};

/** What Nest says of each module and route it sets up: a hundred lines nobody asked for, kept for `debug`. */
const CHATTER = new Set([
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestFactory',
  'NestApplication',
]);

/** Nest's console logger, without its account of setting itself up, and with colours only where a terminal shows them. */
export class ReadableLogger extends ConsoleLogger {
  private readonly isVerbose: boolean;

  constructor(level: LogLevel) {
    super({ logLevels: LEVELS[level], prefix: 'rookery', colors: isatty(1) && process.stdout.hasColors() });
    this.isVerbose = level === 'debug';
  }

  /** Nest prints what a boot failed with, stack and all; whoever started the application is told by its caller, in words. */
  override error(message: unknown, ...rest: unknown[]): void {
    if (!this.isVerbose && rest.at(-1) === 'ExceptionHandler') return;
    super.error(message, ...rest);
  }

  /** ISO 8601, as everywhere else. */
  protected override getTimestamp(): string {
    return new Date(systemClock.now()).toISOString();
  }

  override log(message: unknown, ...rest: unknown[]): void {
    if (!this.isVerbose && CHATTER.has(String(rest.at(-1)))) return;
    super.log(message, ...rest);
  }
}
