import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { endpoints, type Name } from '@netport/protocol';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type Asked,
  type Certificate,
  controlDouble,
  missing,
  problem,
  type Reply,
  selfSigned,
} from '../test/control-double.js';
import { createApi } from './client.js';

const token = 'npa_secret';
const name = 'lap/top' as Name;
const closers: (() => Promise<unknown>)[] = [];
let certificate: Certificate;

describe.skipIf(missing)(`the API client${missing ? ` (${missing})` : ''}`, () => {
  beforeAll(() => {
    certificate = selfSigned();
  });
  afterEach(async () => {
    await Promise.all(closers.splice(0).map((close) => close()));
  });

  async function serve(reply: (asked: Asked) => Reply | undefined, shown = certificate) {
    const double = await controlDouble(shown, reply);
    closers.push(double.close);
    return double;
  }
  const apiFor = (url: string, timeout?: number) =>
    createApi({ url, ca: certificate.cert, token }, timeout === undefined ? {} : { timeout });

  it('sends method, path, query, token and body, and reads the answer', async () => {
    const answer = { name: 'laptop', token: 'npj1_x', expiresAt: '2030-01-31T12:00:00Z' };
    const { url, asked } = await serve(() => ({ status: 201, json: { ...answer, newer: 1 } }));
    const body = { lifetimeSeconds: 60 };
    expect(
      await apiFor(url).call(endpoints.portal.token, { params: { name }, body, query: { a: 1, b: undefined } }),
    ).toEqual(answer);
    expect(asked).toEqual([
      { method: 'POST', path: '/api/v1/portals/lap%2Ftop/tokens', query: { a: '1' }, token, body },
    ]);
  });

  it('takes an empty answer where nothing is promised', async () => {
    const { url } = await serve(() => ({ text: '' }));
    expect(await apiFor(url).call(endpoints.portal.remove, { params: { name } })).toEqual({});
  });

  describe('list', () => {
    const events = Array.from({ length: 25 }, (_, at) => ({
      id: 25 - at,
      at: '2030-01-31T12:00:00Z',
      actor: 'anonymous',
      origin: null,
      action: 'pair.add',
      subject: null,
      code: null,
      detail: {},
      previous: '0'.repeat(64),
      hash: 'f'.repeat(64),
    }));
    const pages = ({ query }: Asked): Reply => {
      const left = events.filter(({ id }) => id < Number(query.before ?? 1000));
      const items = left.slice(0, 10);
      return { json: { items, ...(left.length > 10 && { next: items.at(-1)?.id }) } };
    };

    it('follows the pages to the end', async () => {
      const { url, asked } = await serve(pages);
      expect(await apiFor(url).list(endpoints.audit.list, { query: { action: 'pair.add' } })).toEqual(events);
      expect(asked.map(({ query }) => query)).toEqual([
        { limit: '1000', action: 'pair.add' },
        { limit: '1000', action: 'pair.add', before: '16' },
        { limit: '1000', action: 'pair.add', before: '6' },
      ]);
    });

    it('asks for no page more than it needs', async () => {
      const { url, asked } = await serve(pages);
      expect(await apiFor(url).list(endpoints.audit.list, { max: 12 })).toEqual(events.slice(0, 12));
      expect(asked).toHaveLength(2);
      expect(await apiFor(url).list(endpoints.audit.list, { wanted: ({ id }) => id > 20 })).toEqual(events.slice(0, 5));
      expect(asked).toHaveLength(3);
    });

    it('hands a cursor back as it came', async () => {
      const { url, asked } = await serve(({ query }) => ({
        json: { items: [], ...(!query.after && { next: 'a_-1' }) },
      }));
      expect(await apiFor(url).list(endpoints.token.list)).toEqual([]);
      expect(asked.map(({ query }) => query.after)).toEqual([undefined, 'a_-1']);
    });

    it('gives up on pages that do not end', async () => {
      const { url } = await serve(() => ({ json: { items: [], next: 7 } }));
      await expect(apiFor(url).list(endpoints.audit.list)).rejects.toMatchObject({ code: 'protocol_error' });
    });
  });

  describe('turns into an error that says what is wrong', () => {
    it('a problem, with a line for each field', async () => {
      const fields = [
        { path: 'from.port', message: 'a port is required' },
        { path: 'name', message: 'use a–z' },
      ];
      const { url } = await serve(() => problem(400, 'invalid_request', 'The access pair is not valid.', fields));
      await expect(apiFor(url).call(endpoints.whoami, {})).rejects.toMatchObject({
        code: 'invalid_request',
        message: 'The access pair is not valid.\n  from.port: a port is required\n  name: use a–z',
      });
    });

    it('a problem with one field, without saying it twice', async () => {
      const field = { path: 'name', message: 'use a–z' };
      const { url } = await serve(() => problem(400, 'invalid_request', 'name: use a–z', [field]));
      await expect(apiFor(url).call(endpoints.whoami, {})).rejects.toThrow(/^name: use a–z$/);
    });

    it.each([
      ['an error page', { status: 502, text: '<html>Bad gateway</html>' }],
      ['a page instead of JSON', { text: '<html>hello</html>' }],
      ['an answer of another shape', { json: { hello: 'world' } }],
      ['a redirection', { status: 302, text: '' }],
      ['an error code from the future', problem(400, 'from_the_future', 'x')],
    ])('%s', async (_, reply) => {
      const { url } = await serve(() => reply);
      await expect(apiFor(url).call(endpoints.whoami, {})).rejects.toMatchObject({
        code: 'protocol_error',
        message: expect.stringContaining(`${url} is no Netport control server of this version`),
      });
    });

    it('an answer without end', async () => {
      const { url } = await serve(() => ({ text: ' '.repeat(17 * 1024 * 1024) }));
      await expect(apiFor(url).call(endpoints.whoami, {})).rejects.toMatchObject({ code: 'too_large' });
    });

    it('no answer', async () => {
      const { url } = await serve(() => undefined);
      await expect(apiFor(url, 100).call(endpoints.whoami, {})).rejects.toMatchObject({
        code: 'unavailable',
        message: `cannot talk to ${url}: no answer in time`,
      });
    });

    it('a server that is gone', async () => {
      const double = await controlDouble(certificate, () => ({}));
      await double.close();
      await expect(apiFor(double.url).call(endpoints.whoami, {})).rejects.toMatchObject({
        code: 'unavailable',
        message: `cannot talk to ${double.url}: nothing listens there`,
      });
    });

    it('a connection that breaks', async () => {
      const { url, asked } = await serve(() => undefined);
      const failed = expect(apiFor(url).call(endpoints.whoami, {})).rejects.toMatchObject({ code: 'unavailable' });
      await expect.poll(() => asked.length).toBe(1);
      await closers.pop()?.();
      await failed;
    });

    it('a certificate of another CA, also one of the same name', async () => {
      const { url, asked } = await serve(() => ({}), selfSigned());
      await expect(apiFor(url).call(endpoints.whoami, {})).rejects.toMatchObject({
        code: 'cert_untrusted',
        message: expect.stringContaining(`netport login ${url} --ca root.pem`),
      });
      expect(asked).toEqual([]);
    });

    it('a certificate for another name', async () => {
      const other = selfSigned('DNS:control.example');
      const { url, asked } = await serve(() => ({}), other);
      await expect(createApi({ url, ca: other.cert, token }).call(endpoints.whoami, {})).rejects.toMatchObject({
        code: 'cert_wrong_name',
        message: expect.stringContaining('is not for 127.0.0.1; it names DNS:control.example'),
      });
      expect(asked).toEqual([]);
    });

    it('a port that does not speak TLS', async () => {
      const plain = createServer((socket) => {
        socket
          .on('error', () => {})
          .resume()
          .end('HTTP/1.1 400 Bad Request\r\n\r\n');
      });
      await once(plain.listen(0, '127.0.0.1'), 'listening');
      closers.push(async () => {
        plain.close();
        await once(plain, 'close');
      });
      const url = `https://127.0.0.1:${(plain.address() as AddressInfo).port}`;
      await expect(apiFor(url).call(endpoints.whoami, {})).rejects.toMatchObject({
        code: 'protocol_error',
        message: expect.stringContaining('does not speak TLS'),
      });
    });
  });
});
