import { Module } from '@nestjs/common';
import { DealsClient } from './deals-client.js';

/** The client, for the handlers. */
@Module({ providers: [DealsClient], exports: [DealsClient] })
export class DealsClientModule {}
