import { Module } from '@nestjs/common';
import { RookeryModule } from '../index.js';

/**
 * Your own job types. Write each in a file beside this one, definition and handler, and name its handler here:
 *
 *     RookeryModule.forFeature([SendReportHandler])
 *
 * docs/adding-a-job-type.md goes from an empty file to a run.
 */
@Module({ imports: [RookeryModule.forFeature([])] })
export class JobsModule {}
