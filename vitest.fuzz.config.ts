import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** For `npm run fuzz`: the tests of one package that have properties, with more examples. */
export default defineConfig({
  test: {
    include: ['src/**/*.test.ts'],
    setupFiles: [fileURLToPath(new URL('vitest.fuzz.setup.ts', import.meta.url))],
    maxWorkers: 2,
    testTimeout: 600_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } },
  },
});
