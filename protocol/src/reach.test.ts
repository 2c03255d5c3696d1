import { expect, test } from 'vitest';
import { formatReachTarget, parseReach } from './reach.js';

test.each([
  ['laptop may reach gw:80', { from: 'laptop', allowed: true, to: 'gw', port: 80, protocol: 'tcp' }, 'gw:*:80'],
  ['laptop may not reach gw:22', { from: 'laptop', allowed: false, to: 'gw', port: 22, protocol: 'tcp' }, 'gw:*:22'],
  [
    'laptop may reach gw:10.0.0.5:53/udp',
    { from: 'laptop', allowed: true, to: 'gw', address: '10.0.0.5', port: 53, protocol: 'udp' },
    'gw:10.0.0.5:53/udp',
  ],
  [
    'laptop may reach gw:[::1]:53/tcp',
    { from: 'laptop', allowed: true, to: 'gw', address: '[::1]', port: 53, protocol: 'tcp' },
    'gw:[::1]:53',
  ],
  [
    'laptop may reach gw:unix:/run/app.sock',
    { from: 'laptop', allowed: true, to: 'gw', address: 'unix:/run/app.sock', protocol: 'tcp' },
    'gw:unix:/run/app.sock',
  ],
])('reads %s', (line, reach, target) => {
  const parsed = parseReach(line);
  expect(parsed).toEqual(reach);
  expect(parsed && formatReachTarget(parsed)).toBe(target);
});

test.each([
  '',
  'laptop reaches gw:80',
  'laptop may reach gw',
  'laptop may reach gw:0',
  'laptop may reach gw:70000',
  'Laptop may reach gw:80',
  'laptop may never reach gw:80',
])('does not take "%s"', (line) => {
  expect(parseReach(line)).toBeUndefined();
});
