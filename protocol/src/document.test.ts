import { describe, expect, it } from 'vitest';
import { documentSchema, portRangeOf } from './document.js';

const pair = (spec: Record<string, unknown> = {}) => ({
  apiVersion: 'netport.dev/v1',
  kind: 'AccessPair',
  metadata: { name: 'web' },
  spec: {
    from: { portal: 'laptop', address: '127.0.0.1', port: 8080 },
    to: { portal: 'field-gw', address: '10.0.0.5', port: 80 },
    ...spec,
  },
});
const of = (kind: string, spec: unknown, metadata: unknown = { name: 'x' }) => ({
  apiVersion: 'netport.dev/v1',
  kind,
  metadata,
  spec,
});
const from = (change: object) => ({ from: { address: '127.0.0.1', port: 8080, ...change } });

describe('documents', () => {
  it('get their defaults', () => {
    expect(documentSchema.parse(pair())).toEqual(
      pair({ protocol: 'tcp', transport: 'auto', enabled: true, reason: '' }),
    );
    const { spec: _spec, ...portal } = of('Portal', {});
    expect(documentSchema.parse(portal)).toEqual(of('Portal', {}, { name: 'x', labels: {} }));
  });

  it.each([
    ['a portal', { portal: 'laptop' }],
    ['a label', { portals: { label: 'site=berlin,!old' } }],
    ['a group', { portals: { group: 'field' } }],
    ['a unix socket', { portal: 'laptop', address: 'unix:/run/x', port: undefined }],
  ])('listen at %s', (_what, change) => {
    expect(documentSchema.safeParse(pair(from(change))).success).toBe(true);
  });

  it.each<[string, unknown, string, RegExp]>([
    ['another version', { ...pair(), apiVersion: 'v1' }, 'apiVersion', /netport.dev\/v1/],
    ['another kind', of('Pod', {}), 'kind', /AccessPair, Group/],
    ['an unknown field', pair({ form: 1 }), 'spec', /form/],
    ['no portal', pair(from({})), 'spec.from.portal', /portal or portals/],
    ['a portal and a selection', pair(from({ portal: 'a', portals: { group: 'b' } })), 'spec.from.portal', /either/],
    ['two selections', pair(from({ portals: { label: 'a', group: 'b' } })), 'spec.from.portals', /one of/],
    ['a wrong selector', pair(from({ portals: { label: 'a==b' } })), 'spec.from.portals.label', /site=berlin/],
    ['a backward range', pair(from({ portal: 'a', port: '9-8' })), 'spec.from.port', /lower port/],
    ['a range beyond the ports', pair(from({ portal: 'a', port: '65530-65536' })), 'spec.from.port', /65535/],
    ['ranges of two widths', pair(from({ portal: 'a', port: '8000-8010' })), 'spec.to.port', /has 11 and to.port 1/],
    [
      'udp on a unix socket',
      pair({ protocol: 'udp', ...from({ portal: 'a', address: 'unix:/x', port: undefined }) }),
      'spec.from.address',
      /udp/,
    ],
    ['a wrong label', of('Portal', {}, { name: 'x', labels: { site: 'b c' } }), 'metadata.labels.site', /letters/],
    ['a test of another form', of('PolicyTests', { tests: ['a reaches b'] }), 'spec.tests.0', /may \[not\] reach/],
    [
      'an unknown time zone',
      pair({ schedule: { days: ['mon'], from: '08:00', to: '18:00', timezone: 'Berlin' } }),
      'spec.schedule.timezone',
      /Europe\/Berlin/,
    ],
    ['an empty window', pair({ schedule: { days: ['mon'], from: '08:00', to: '08:00' } }), 'spec.schedule.to', /24:00/],
    [
      'an unknown day',
      pair({ schedule: { days: ['monday'], from: '08:00', to: '18:00' } }),
      'spec.schedule.days.0',
      /mon-fri/,
    ],
  ])('are refused with %s, and with the place', (_what, input, path, message) => {
    const issues = documentSchema.safeParse(input).error?.issues ?? [];
    expect(issues.map((issue) => issue.path.join('.'))).toContain(path);
    expect(issues.map((issue) => issue.message).join()).toMatch(message);
  });

  it('have ranges with both ends', () => {
    expect(portRangeOf('8000-8010')).toEqual({ first: 8000, last: 8010 });
    expect(portRangeOf(80)).toEqual({ first: 80, last: 80 });
  });
});
