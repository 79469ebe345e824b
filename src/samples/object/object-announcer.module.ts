import { Module } from '@nestjs/common';
import { ObjectAnnouncer } from './object-announcer.js';

/** The announcer, for the routes and for the handler. */
@Module({ providers: [ObjectAnnouncer], exports: [ObjectAnnouncer] })
export class ObjectAnnouncerModule {}
