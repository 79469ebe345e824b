import { Module } from '@nestjs/common';
import { DashboardFiles } from './dashboard-files.js';
import { DashboardController } from './dashboard.controller.js';

/** The page for people at /dashboard; what it shows it asks of the API. */
@Module({ controllers: [DashboardController], providers: [DashboardFiles] })
export class DashboardModule {}
