import 'reflect-metadata';
import { startApplication, type BenchSettings } from './application.js';

/** A worker process of the benchmark: its settings are its argument; it runs until it is told to stop. */
const application = await startApplication(JSON.parse(process.argv[2] ?? '{}') as BenchSettings);
process.on('SIGTERM', () => void application.stop().then(() => process.exit(0)));
// A benchmark that failed leaves nobody to work for.
process.once('disconnect', () => process.exit(1));
