import { defineConfig } from 'vitest/config';
import { LongestFirst } from './longest-first.js';

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
    setupFiles: ['harness/complaints.ts'],
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
  },
});
