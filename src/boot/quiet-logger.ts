import { ConsoleLogger, type ConsoleLoggerOptions, type LogLevel as NestLogLevel } from '@nestjs/common';
import type { LogLevel } from '../config/index.js';

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

/** Nest's console logger without its account of setting itself up. */
export abstract class QuietLogger extends ConsoleLogger {
  private readonly isVerbose: boolean;

  constructor(level: LogLevel, options: ConsoleLoggerOptions) {
    super({ ...options, logLevels: LEVELS[level] });
    this.isVerbose = level === 'debug';
  }

  /** Nest prints what a boot failed with, stack and all; whoever started the application is told by its caller, in words. */
  override error(message: unknown, ...rest: unknown[]): void {
    if (!this.isVerbose && rest.at(-1) === 'ExceptionHandler') return;
    super.error(message, ...rest);
  }

  override log(message: unknown, ...rest: unknown[]): void {
    if (!this.isVerbose && CHATTER.has(String(rest.at(-1)))) return;
    super.log(message, ...rest);
  }
}
