import { defineConfig } from 'vitest/config';

/**
 * Every package's own tests; test/ has others. The times are for machines that are busy with something else. The files of a
 * worker share what they import: half of the control server's tests' time went into importing it again for each of them.
 */
export default defineConfig({
  test: {
    include: ['src/**/*.test.ts'],
    maxWorkers: 2,
    isolate: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } },
  },
});
