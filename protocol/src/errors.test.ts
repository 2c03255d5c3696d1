import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { asNetportError, errorCodes, errorTable, isErrorCode, NetportError } from './errors.js';

/** The rows of docs/errors.md: | `code` | status | what to do | */
const documented = Object.fromEntries(
  [
    ...readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8').matchAll(
      /^\| `(\w+)` *\| *(\d+) *\| *(.*?) *\|$/gm,
    ),
  ].map(([, code, status, help]) => [code, { status: Number(status), help: help?.replaceAll('\\|', '|') }]),
);

describe('the error list', () => {
  it('is in docs/errors.md word for word, in the same order, and nothing else is', () => {
    expect(documented).toEqual(errorTable);
    expect(Object.keys(documented)).toEqual(errorCodes);
  });

  it('has an HTTP error status and a sentence for each code', () => {
    for (const [code, { status, help }] of Object.entries(errorTable)) {
      expect(code).toMatch(/^[a-z_]+$/);
      expect(status, code).toBeGreaterThanOrEqual(400);
      expect(status, code).toBeLessThan(600);
      expect(help, code).toMatch(/^[A-Z].*\.$/);
    }
  });

  it('knows its own codes and no inherited property', () => {
    for (const code of errorCodes) expect(isErrorCode(code)).toBe(true);
    for (const value of ['toString', '__proto__', 'constructor', '', 7, null, undefined, ['internal']]) {
      expect(isErrorCode(value), String(value)).toBe(false);
    }
  });
});

describe('NetportError', () => {
  it('carries the status and the help of its code, and keeps its cause off JSON', () => {
    const error = new NetportError('dns_failed', 'plc.example', { cause: new Error('private') });
    expect(error).toMatchObject({ ...errorTable.dns_failed, code: 'dns_failed', message: 'plc.example' });
    expect(JSON.stringify(error)).not.toContain('private');
  });

  it.each([new Error('broken'), 'broken', 7, null, undefined, {}])('is what %j becomes', (thrown) => {
    expect(asNetportError(thrown, 'unavailable', 'there')).toMatchObject({ code: 'unavailable', cause: thrown });
    expect(asNetportError(thrown).code).toBe('internal');
  });

  it('stays itself', () => {
    const error = new NetportError('not_found', 'x');
    expect(asNetportError(error, 'internal', 'there')).toBe(error);
  });
});
