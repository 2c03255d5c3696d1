import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

/** The module as a machine sees it for which no binding was built. */
const elsewhere = `
  Object.defineProperty(process, 'arch', { value: 's390x' });
  const { unavailable, quiche } = await import(${JSON.stringify(new URL('../../../dist/tunnel/quic/binding.js', import.meta.url))});
  let thrown;
  try { quiche(); } catch (error) { thrown = { code: error.code, message: error.message }; }
  console.log(JSON.stringify({ unavailable, thrown }));
`;

describe('where the stack has no binding', () => {
  it('says why, and everything else loads', () => {
    const output = execFileSync(process.execPath, ['--input-type=module', '--eval', elsewhere]);
    const { unavailable, thrown } = JSON.parse(String(output));
    expect(unavailable).toContain('linux-s390x');
    expect(thrown).toMatchObject({ code: 'unavailable', message: expect.stringContaining('--transport tcp') });
  });
});
