import './styles.js';
import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter } from 'react-router';
import { queryClient } from './api/query-client.js';
import { App } from './app.js';
import { ErrorBoundary } from './parts/error-boundary.js';
import { reloadOnNewBuild } from './reload-on-new-build.js';
import { theme } from './theme.js';

const root = document.getElementById('root');
if (!root) throw new Error('the page has no place to be shown');
reloadOnNewBuild();
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <MantineProvider theme={theme} defaultColorScheme="auto">
        <Notifications position="bottom-right" />
        <BrowserRouter basename={new URL(document.baseURI).pathname.replace(/\/$/, '')}>
          <ErrorBoundary place="">
            <App />
          </ErrorBoundary>
        </BrowserRouter>
      </MantineProvider>
    </QueryClientProvider>
  </StrictMode>,
);
