import { expect, test } from 'vitest';
import { isControlUrl, readDeviceOptions, requireDevice } from './device-options.js';

const flags = { controlUrl: 'https://c', ca: 'root.pem', deviceCertificate: 'device.pem', deviceKey: 'key.pem' };

test('a device certificate takes all four options, and each that is missing is named', () => {
  expect(readDeviceOptions(flags)).toEqual({
    controlUrl: 'https://c',
    ca: 'root.pem',
    certificate: 'device.pem',
    key: 'key.pem',
  });
  const { controlUrl: _url, ca: _ca, ...rest } = flags;
  expect(() => readDeviceOptions(rest)).toThrow(/give --control-url, --ca, too/);
  expect(() => requireDevice({ controlUrl: 'https://c' })).toThrow(/--ca, --device-certificate, --device-key/);
});

test('a URL and a CA alone mean nothing: the environment has them for other programs', () => {
  expect(readDeviceOptions({ controlUrl: 'https://c', ca: 'root.pem' })).toBeUndefined();
});

test.each([
  ['https://control.example:8443', true],
  ['http://control.example', false],
  ['https://', false],
  ['npj1_token', false],
])('%s as the URL of a control server: %s', (text, expected) => {
  expect(isControlUrl(text)).toBe(expected);
});
