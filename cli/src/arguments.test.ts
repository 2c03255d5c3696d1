import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDestination, parseName, parsePairSide } from './arguments.js';

describe('parsePairSide', () => {
  it.each([
    ['laptop:127.0.0.1:8080', { portal: 'laptop', address: '127.0.0.1', port: 8080 }],
    ['laptop:[::1]:8080', { portal: 'laptop', address: '[::1]', port: 8080 }],
    ['laptop:plc-7.factory.example:502', { portal: 'laptop', address: 'plc-7.factory.example', port: 502 }],
    ['lap:unix:/run/x.sock', { portal: 'lap', address: 'unix:/run/x.sock' }],
    ['lap:unix:/run/x:80', { portal: 'lap', address: 'unix:/run/x:80' }],
    ['unix:unix:/x', { portal: 'unix', address: 'unix:/x' }],
  ])('reads %j', (text, side) => {
    expect(parsePairSide(text)).toEqual(side);
  });

  it.each([
    ['', 'has no address'],
    ['laptop', 'has no address'],
    ['laptop:', 'is no IPv4 address'],
    ['127.0.0.1:8080', 'does not start with the name of a portal'],
    [':127.0.0.1:8080', 'does not start with the name of a portal'],
    ['Laptop:127.0.0.1:8080', 'does not start with the name of a portal'],
    ['laptop:127.0.0.1', '"127.0.0.1" has no port'],
    ['laptop:plc', '"plc" has no port'],
    ['laptop:8080', 'is no IPv4 address'],
    ['laptop:127.0.0.1:0', '"0" is no port from 1 to 65535'],
    ['laptop:127.0.0.1:65536', '"65536" is no port from 1 to 65535'],
    ['laptop:127.0.0.1:http', '"http" is no port from 1 to 65535'],
    ['laptop:127.0.0.1:', '"" is no port from 1 to 65535'],
    ['laptop:10.0.0.300:80', '"10.0.0.300" is no IPv4 address'],
    ['laptop:::1:80', 'an IPv6 address stands in brackets'],
    ['laptop:fd00::5', 'an IPv6 address stands in brackets'],
    ['laptop:[::1]', '"[::1]" has no port'],
    ['laptop:[nonsense]:80', '"[nonsense]" is no IPv4 address'],
    ['laptop:unix:run/x.sock', 'is not unix: and an absolute path'],
    ['laptop:https://plc:80', '"https://plc" is no IPv4 address'],
  ])('refuses %j: %s', (text, why) => {
    expect(() => parsePairSide(text)).toThrow(why);
    expect(() => parsePairSide(text)).toThrow('Write PORTAL:ADDRESS:PORT, such as');
  });

  it('meets any text with a side or with invalid_request', () => {
    const nearly = fc.array(fc.constantFrom('a', '-', ':', '[', ']', '1', '.', 'unix:/', '%', ' '), { maxLength: 12 });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          nearly.map((parts) => parts.join('')),
        ),
        (text) => {
          try {
            expect(parsePairSide(text).portal).toBe(text.slice(0, text.indexOf(':')));
          } catch (error) {
            expect(error).toMatchObject({ code: 'invalid_request' });
          }
        },
      ),
    );
  });
});

describe('parseDestination', () => {
  it.each([
    ['8080', { port: 8080 }],
    ['127.0.0.1:8080', { address: '127.0.0.1', port: 8080 }],
    ['[::]:53', { address: '[::]', port: 53 }],
    ['unix:/run/x.sock', { address: 'unix:/run/x.sock' }],
  ])('reads %j', (text, destination) => {
    expect(parseDestination(text)).toEqual(destination);
  });

  it.each([
    ['0', 'is no port from 1 to 65535'],
    ['65536', 'is no port from 1 to 65535'],
    ['127.0.0.1', 'has no port'],
    ['::1:80', 'an IPv6 address stands in brackets'],
  ])('refuses %j: %s', (text, why) => {
    expect(() => parseDestination(text)).toThrow(why);
  });
});

it.each(['', 'Laptop', 'a_b', '-a', 'a'.repeat(64), '../x'])('%j is no name', (text) => {
  expect(() => parseName(text)).toThrow('is no name: use 1 to 63 of');
});
