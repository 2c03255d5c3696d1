import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditEventView, Page } from '@netport/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  dial,
  ending,
  exchange,
  freePort,
  Overlay,
  payloadMarker,
  root,
  runCommand,
  scripts,
  startEcho,
  type Target,
  waitFor,
} from '../harness/index.js';

/** The commands of the section, as an operator copies them. */
async function drill(): Promise<string[]> {
  const text = await readFile(join(root, 'docs/operations.md'), 'utf8');
  const [, section = ''] = /\n## A revoke drill\n(.*?)\n#+ /s.exec(text) ?? [];
  return [...section.matchAll(/^ {4}(netport\S* .*)$/gm)].map(([, line = '']) => line.replace(/ +#.*/, ''));
}

describe('the revoke drill of docs/operations.md', () => {
  let overlay: Overlay;
  let target: Target;
  let port: number;
  beforeAll(async () => {
    overlay = await Overlay.start({ portals: ['laptop', 'office'] });
    target = await startEcho();
    port = await freePort();
    await overlay.addPair('files', `laptop:127.0.0.1:${port}`, `office:127.0.0.1:${target.port}`);
  });
  afterAll(async () => {
    await overlay?.stop();
    await target?.close();
  });

  it('does what it says, line by line', async () => {
    const past = await dial(port);
    expect(await exchange(past, payloadMarker)).toBe(payloadMarker);
    past.end();
    const ended = () => overlay.api<Page<AuditEventView>>('GET', '/audit?action=stream.end');
    await waitFor('the record of a stream', async () => (await ended()).items.length > 0);
    const socket = await dial(port);
    expect(await exchange(socket, payloadMarker)).toBe(payloadMarker);
    let token = '';
    const laptop = overlay.portal('laptop');

    /** What each line has to show. A line that is not here, or is not there, fails. */
    const shows: [RegExp, (output: string, again: () => Promise<string>) => void | Promise<void>][] = [
      [/^cert revoke/, async () => expect(await ending(socket)).toBe('reset')],
      [/^portal show/, (output) => expect(output).toMatch(/online +no\b/)],
      // Office may be just about to close its end.
      [
        /^ls tunnels/,
        (_, again) => waitFor('no tunnel', async () => !(await again()).includes('laptop')).then(() => {}),
      ],
      [/^cert ls/, (output) => expect(output).toMatch(/portal\/laptop .* revoked/)],
      [/^audit --action/, (output) => expect(output).toMatch(/portal\.revoke .*laptop/)],
      [/^audit --portal/, (output) => expect(output).toMatch(/stream\.end/)],
      [/^explain/, (output) => expect(output).toMatch(/denied.*revoked/is)],
      [
        /^portal token/,
        (output) => {
          [token = ''] = /npj1_[\w-]+/.exec(output) ?? [];
        },
      ],
    ];
    const lines = await drill();
    const device = lines.pop() ?? '';
    expect(lines).toHaveLength(shows.length);
    for (const [i, line] of lines.entries()) {
      const args = line.replace('127.0.0.1:8080', `127.0.0.1:${port}`).split(/ +/).slice(1);
      const [expected, check] = shows[i] ?? [];
      expect(args.join(' ')).toMatch(expected ?? /^never$/);
      const say = async (): Promise<string> => {
        const { stdout, stderr } = await overlay.tryCli(args);
        return stdout + stderr;
      };
      await check?.(await say(), say);
    }

    await laptop.process.stop('SIGTERM');
    const args = device.replace('npj1_…', token).replace('/var/lib/netport-portal', laptop.directory).split(/ +/);
    expect(args.shift()).toBe('netport-portal');
    expect((await runCommand({ name: 'enroll', script: scripts.portal, args })).code).toBe(0);
    await laptop.start();
    const again = await waitFor('the pair to work again', async () => {
      const next = await dial(port);
      return exchange(next, 'again').finally(() => next.destroy());
    });
    expect(again).toBe('again');
  });
});
