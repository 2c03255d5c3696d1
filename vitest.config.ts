import { defineConfig } from 'vitest/config';

/** Every package's own tests; test/ has others. The times are for machines that are busy with something else. */
export default defineConfig({
  test: { include: ['src/**/*.test.ts'], maxWorkers: 2, testTimeout: 60_000, hookTimeout: 60_000 },
});
