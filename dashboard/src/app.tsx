import { lazy, Suspense, type ReactElement } from 'react';
import { Route, Routes, useLocation } from 'react-router';
import { Empty } from './parts/empty.js';
import { ErrorBoundary } from './parts/error-boundary.js';
import { Loading } from './parts/loading.js';
import { Shell } from './shell/shell.js';
import { SignInGate } from './shell/sign-in-gate.js';
import { OverviewPage } from './pages/overview.js';

const pages = {
  jobs: lazy(async () => ({ default: (await import('./pages/jobs.js')).JobsPage })),
  job: lazy(async () => ({ default: (await import('./pages/job.js')).JobPage })),
  queues: lazy(async () => ({ default: (await import('./pages/queues.js')).QueuesPage })),
  workers: lazy(async () => ({ default: (await import('./pages/workers.js')).WorkersPage })),
  schedules: lazy(async () => ({ default: (await import('./pages/schedules.js')).SchedulesPage })),
  schedule: lazy(async () => ({ default: (await import('./pages/schedule.js')).SchedulePage })),
  batches: lazy(async () => ({ default: (await import('./pages/batches.js')).BatchesPage })),
  batch: lazy(async () => ({ default: (await import('./pages/batch.js')).BatchPage })),
};

/** Which page each address shows. The overview is there at once; the others are fetched when they are gone to. */
export function App(): ReactElement {
  const { pathname } = useLocation();
  return (
    <SignInGate>
      <Shell>
        <ErrorBoundary place={pathname}>
          <Suspense fallback={<Loading />}>
            <Routes>
              <Route index element={<OverviewPage />} />
              <Route path="jobs" element={<pages.jobs />} />
              <Route path="jobs/:id" element={<pages.job />} />
              <Route path="queues" element={<pages.queues />} />
              <Route path="workers" element={<pages.workers />} />
              <Route path="schedules" element={<pages.schedules />} />
              <Route path="schedules/:name" element={<pages.schedule />} />
              <Route path="batches" element={<pages.batches />} />
              <Route path="batches/:id" element={<pages.batch />} />
              <Route path="*" element={<Empty title="There is no such page." />} />
            </Routes>
          </Suspense>
        </ErrorBoundary>
      </Shell>
    </SignInGate>
  );
}
