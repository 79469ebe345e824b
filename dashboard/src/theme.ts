import { createTheme } from '@mantine/core';

/** System fonts, so that nothing is fetched; a calm page, on which only what is wrong has a loud colour. */
export const theme = createTheme({
  primaryColor: 'indigo',
  // White on it can be read in both schemes.
  primaryShade: 7,
  defaultRadius: 'md',
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", "Helvetica Neue", Arial, sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace',
  headings: { fontWeight: '650' },
  // A little blue in the greys of the dark page, as its ground has.
  colors: {
    dark: [
      '#d9dee6',
      '#b6bdc9',
      '#8d96a5',
      '#6b7483',
      '#3d4450',
      '#2d323b',
      '#252a32',
      '#1b1e24',
      '#16191e',
      '#131519',
    ],
  },
  cursorType: 'pointer',
  respectReducedMotion: true,
});
