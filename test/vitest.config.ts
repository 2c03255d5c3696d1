import { defineConfig } from 'vitest/config';

// Each file starts its own control server, relay and portals as processes: one file at a time on a small machine.
export default defineConfig({
  test: {
    include: ['flow/**/*.test.ts', 'netns/**/*.test.ts', 'xdp/**/*.test.ts', '*.test.ts'],
    fileParallelism: false,
    // Real networks and processes on whatever machine this is: one stall of it is no verdict, two are.
    retry: 1,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
