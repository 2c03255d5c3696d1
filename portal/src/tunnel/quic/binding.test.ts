import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { unavailable } from '../../testing/quic.js';

/** The module as a machine sees it for which no binding was built. */
const elsewhere = `
  Object.defineProperty(process, 'arch', { value: 's390x' });
  const { quicUnavailable, quiche } = await import(${JSON.stringify(new URL('../../../dist/tunnel/quic/binding.js', import.meta.url))});
  const unavailable = await quicUnavailable();
  let thrown;
  try { quiche(); } catch (error) { thrown = { code: error.code, message: error.message }; }
  console.log(JSON.stringify({ unavailable, thrown }));
`;

/** A portal's modules, before anything has asked for QUIC. */
const untouched = `
  await import(${JSON.stringify(new URL('../../../dist/index.js', import.meta.url))});
  const { quiche, requireQuic } = await import(${JSON.stringify(new URL('../../../dist/tunnel/quic/binding.js', import.meta.url))});
  const isLoaded = () => { try { return Boolean(quiche()); } catch { return false; } };
  const before = isLoaded();
  await requireQuic();
  console.log(JSON.stringify([before, isLoaded()]));
`;

it.skipIf(unavailable)(
  `the stack is loaded when it is asked for, not before${unavailable ? `: ${unavailable}` : ''}`,
  () => {
    const output = execFileSync(process.execPath, ['--input-type=module', '--eval', untouched]);
    expect(JSON.parse(String(output))).toEqual([false, true]);
  },
);

describe('where the stack has no binding', () => {
  it('says why, and everything else loads', () => {
    const output = execFileSync(process.execPath, ['--input-type=module', '--eval', elsewhere]);
    const { unavailable, thrown } = JSON.parse(String(output));
    expect(unavailable).toContain('linux-s390x');
    expect(thrown).toMatchObject({ code: 'unavailable', message: expect.stringContaining('--transport tcp') });
  });
});
