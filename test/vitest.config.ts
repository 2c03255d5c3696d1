import { defineConfig } from 'vitest/config';

// Each file starts its own control server, relay and portals as processes: one file at a time on a small machine.
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
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
