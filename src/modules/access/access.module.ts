import { Global, Module } from '@nestjs/common';
import { Access } from './access.js';

/** Who may do what. Global, because every controller of ours asks it. */
@Global()
@Module({ providers: [Access], exports: [Access] })
export class AccessModule {}
