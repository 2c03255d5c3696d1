import { defineConfig } from 'vitest/config';

// Each file starts its own control server, relay and portals as processes, and mostly waits for them: two files at a time
// keep a small machine busy.
export default defineConfig({
  test: {
    include: [
      'flow/**/*.test.ts',
      'browser/**/*.test.ts',
      'netns/**/*.test.ts',
      'xdp/**/*.test.ts',
      'deploy/**/*.test.ts',
      '*.test.ts',
    ],
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
