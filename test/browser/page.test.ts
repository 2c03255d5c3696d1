import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PairView, PortalView } from '@netport/protocol';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
// The sources, not the package: nobody but tests is a manufacturer.
import { Manufacturer } from '../../pki/src/testing/manufacturer.js';
import {
  dial,
  ending,
  freePort,
  Overlay,
  type RunningProcess,
  scripts,
  startProcess,
  startTarget,
  type Target,
  waitFor,
} from '../harness/index.js';
import { AdminPage, launchBrowser, skipped } from './admin-page.js';

const phone = { width: 360, height: 740 };

describe.skipIf(skipped)(`the admin page in a browser${skipped}`, () => {
  let overlay: Overlay;
  let browser: Browser;
  let target: Target;
  let admin: AdminPage;
  let page: Page;
  let heading: AdminPage['heading'];
  let signIn: AdminPage['signIn'];
  let open: AdminPage['open'];
  const started: RunningProcess[] = [];

  beforeAll(async () => {
    overlay = await Overlay.start({ portals: [] });
    // Sends for as long as it is read.
    target = await startTarget((socket) => {
      const block = Buffer.alloc(16_384);
      const send = (): void => {
        while (socket.write(block));
      };
      socket.on('drain', send);
      socket.once('data', send);
    });
    browser = await launchBrowser();
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    for (const process of started) await process.stop('SIGKILL');
    await target?.close();
    await overlay?.stop();
  });

  beforeEach(async () => {
    admin = await AdminPage.open(browser, overlay);
    ({ page, heading, signIn, open } = admin);
  });
  afterEach(() => admin?.close());

  /** The page's flow, and a real portal that is started with exactly the command that it shows. */
  async function addPortal(name: string): Promise<void> {
    await open('Portals');
    await page.getByRole('button', { name: 'Add a portal' }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill(name);
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    const command = await dialog.getByRole('region', { name: 'Join command' }).locator('code').innerText();
    const [, token = ''] = /--join (\S+)$/.exec(command) ?? [];
    started.push(
      startProcess({
        name,
        script: scripts.portal,
        args: ['run', '--data', join(overlay.directory, `page-${name}`), '--join', token],
      }),
    );
    await dialog.getByText(`${name} is online.`).waitFor();
    await dialog.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('row', { name }).getByText('online').waitFor();
  }

  /** Fills the open form as a person does, from its first field to its last. */
  async function fillPair(fields: Record<string, string>): Promise<void> {
    for (const [name, value] of Object.entries(fields)) await page.locator(`[name="${name}"]`).fill(value);
  }

  /** Megabits and the like, as the tile has them; 0 while there is none. */
  const throughput = async (): Promise<string> => (await page.locator('[data-tile="Throughput"]').innerText()).trim();

  it('adds two portals and a pair, sees traffic appear, withdraws the pair and sees it stop', async () => {
    await signIn();
    await page.getByRole('heading', { name: 'No portal yet' }).waitFor();
    await addPortal('laptop');
    await addPortal('field-gw');

    await open('Access pairs');
    await page.getByRole('button', { name: 'Add an access pair' }).first().click();
    const port = await freePort();
    await fillPair({
      name: 'web',
      'from.portal': 'laptop',
      'from.port': String(port),
      'to.portal': 'field-gw',
      'to.port': String(target.port),
      reason: 'the test',
    });
    await page.getByRole('button', { name: 'Grant' }).click();
    await page.getByRole('row', { name: 'web' }).getByText('active').waitFor();

    await open('Overview');
    expect(await throughput()).toBe('0 bit/s');
    const socket = await dial(port);
    const ended = ending(socket);
    socket.write('go');
    await page.locator('svg [data-tunnel="laptop field-gw"] .flow').waitFor({ state: 'attached' });
    await page
      .locator('svg .label')
      .getByText(/bit\/s · .*ms/)
      .waitFor();
    await waitFor('throughput to be shown', async () => !(await throughput()).startsWith('0 '));
    const streams = page.getByRole('table', { name: 'Streams' });
    await streams.getByRole('row', { name: 'web' }).getByText(`127.0.0.1:${socket.localPort}`).waitFor();
    await streams.getByRole('row', { name: 'web' }).getByText(`127.0.0.1:${target.port}`).waitFor();

    await open('Access pairs');
    await page.getByRole('link', { name: 'web', exact: true }).click();
    await page.getByRole('button', { name: 'Withdraw' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Withdraw' }).click();
    expect(await ended).toBe('reset');
    await heading('Access pairs').waitFor();
    await page.getByRole('heading', { name: 'Nothing is granted yet' }).waitFor();
    await open('Traffic');
    await page.getByRole('heading', { name: 'No stream is open' }).waitFor();
  }, 240_000);

  it('shows what speaks against a pair beside its field, before it is saved', async () => {
    const port = await freePort();
    await overlay.addPair('first', `laptop:127.0.0.1:${port}`, `field-gw:127.0.0.1:${target.port}`);
    await signIn();
    await open('Access pairs');
    await page.getByRole('row', { name: 'first' }).waitFor();
    await page.getByRole('button', { name: 'Add an access pair' }).first().click();
    await fillPair({
      name: 'second',
      'from.portal': 'laptop',
      'from.port': String(port),
      'to.portal': 'nobody',
      'to.port': '80',
    });
    const errorOf = (label: string, field: string) =>
      page
        .getByRole('group', { name: label })
        .locator('.field', { has: page.locator(`[name="${field}"]`) })
        .getByRole('alert');
    await errorOf('Applications connect to', 'from.port').waitFor();
    expect(await errorOf('Applications connect to', 'from.port').innerText()).toContain('first');
    await errorOf('And reach', 'to.portal').waitFor();
    expect(await page.locator('[name="from.port"]').getAttribute('aria-invalid')).toBe('true');
    expect((await overlay.cli<PairView[]>(['pair', 'ls'])).map(({ name }) => name)).toEqual(['first']);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  });

  it('does not overwrite what somebody else changed meanwhile', async () => {
    await signIn();
    await page.goto(`${overlay.url}/#/pairs/first`);
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.locator('[name="reason"]').fill('mine');
    await overlay.admin(['pair', 'disable', 'first']);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Somebody changed it meanwhile').waitFor();
    await page.getByRole('button', { name: 'Reload' }).click();
    await waitFor('mine to be dropped', async () => (await page.locator('[name="reason"]').inputValue()) === '');
    await page.locator('[name="reason"]').fill('seen');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await overlay.cli<PairView>(['pair', 'show', 'first'])).toMatchObject({ reason: 'seen', enabled: false });
  });

  it('a pair is added with the keyboard alone', async () => {
    await signIn();
    const focused = (): Promise<string> =>
      page.evaluate(() => {
        const element = document.activeElement;
        return element?.getAttribute('name') ?? element?.textContent?.trim() ?? '';
      });
    const tabTo = async (wanted: string): Promise<void> => {
      for (let step = 0; step < 40; step += 1) {
        if ((await focused()) === wanted) return;
        await page.keyboard.press('Tab');
      }
      throw new Error(`no way to ${wanted} with the tab key; it ended at ${await focused()}`);
    };
    await tabTo('Access pairs');
    await page.keyboard.press('Enter');
    await heading('Access pairs').waitFor();
    await tabTo('Add an access pair');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    const port = await freePort();
    const fields = {
      name: 'by-keyboard',
      'from.portal': 'laptop',
      'from.port': String(port),
      'to.portal': 'field-gw',
      'to.port': String(target.port),
    };
    for (const [name, value] of Object.entries(fields)) {
      await tabTo(name);
      await page.keyboard.type(value);
    }
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByRole('row', { name: 'by-keyboard' }).waitFor();
    // The focus is back where it was, not at the top of the page.
    expect(await focused()).toBe('Add an access pair');
  });

  it('gives a pair an owner and hours of the week, and says of each part what is wrong', async () => {
    await signIn();
    await page.goto(`${overlay.url}/#/pairs/first`);
    await page.getByRole('button', { name: 'Edit' }).click();
    await fillPair({ owner: 'ada', 'schedule.days': 'mon-fri', 'schedule.from': '8', 'schedule.to': '18:00' });
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('alert').getByText('use a time of day').waitFor();
    await fillPair({ 'schedule.from': '08:00' });
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('mon-fri 08:00–18:00 (UTC)').waitFor();
    const schedule = { days: ['mon-fri'], from: '08:00', to: '18:00', timezone: 'UTC' };
    expect(await overlay.cli<PairView>(['pair', 'show', 'first'])).toMatchObject({ owner: 'ada', schedule });
    await page.getByRole('button', { name: 'Edit' }).click();
    await fillPair({ 'schedule.days': '', 'schedule.from': '', 'schedule.to': '', 'schedule.timezone': '' });
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('mon-fri 08:00–18:00 (UTC)').waitFor({ state: 'detached' });
  });

  it('edits the labels of a portal', async () => {
    await signIn();
    await page.goto(`${overlay.url}/#/portals/laptop`);
    await page.getByRole('button', { name: 'Edit labels' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Labels').fill('site=not=this');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByRole('alert').waitFor();
    await dialog.getByLabel('Labels').fill('site=berlin, camera');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByText('site=berlin').waitFor();
    expect(await overlay.cli<PortalView>(['portal', 'show', 'laptop'])).toMatchObject({
      labels: { site: 'berlin', camera: '' },
    });
  });

  it('checks the audit trail itself, filters it by time, exports what is left, and explains an event', async () => {
    await signIn();
    await open('Audit');
    await page.locator('[data-chain="whole"]').getByText('in an unbroken chain').waitFor();
    await page.getByLabel('Before').fill('2001-01-01T00:00');
    await page.getByRole('heading', { name: 'No such event' }).waitFor();
    await page.getByLabel('Before').fill('');
    await page.locator('[name="action"]').fill('pair.add');
    await page.locator('[data-chain="whole"]').getByText('each as it was written').waitFor();
    const granted = page.getByRole('row', { name: 'pair.add first' });
    await granted.waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Export' }).click(),
    ]);
    const lines = (await readFile(await download.path(), 'utf8')).trim().split('\n');
    const actions = lines.map((line) => (JSON.parse(line) as { action: string }).action);
    expect(actions.length).toBeGreaterThan(0);
    expect(new Set(actions)).toEqual(new Set(['pair.add']));
    await granted.getByRole('link', { name: 'Explain' }).click();
    await page.getByText('pair.add of first').waitFor();
    await page.locator('[data-hop="target"]').waitFor();
  });

  it('has the portals try a connection', async () => {
    const port = await freePort();
    await overlay.addPair('tried', `laptop:127.0.0.1:${port}`, `field-gw:127.0.0.1:${target.port}`);
    await signIn();
    await page.goto(`${overlay.url}/#/explain?portal=laptop&port=${port}`);
    await page.locator('[data-hop="target"]').getByText('trying it tells').waitFor();
    await page.getByRole('button', { name: 'Try now' }).click();
    await page.locator('[data-verdict="works"]').waitFor();
  });

  it('replaces the root CA step by step, and asks twice before it leaves somebody behind', async () => {
    await signIn();
    await open('Certificates');
    const roots = page.getByRole('table', { name: 'Root CAs' }).locator('tbody tr');
    const fingerprint = () => roots.first().locator('.mono').innerText();
    await roots.first().waitFor();
    const before = await fingerprint();
    const take = async (action: string): Promise<void> => {
      // Its name is this one alone once nobody has to be waited for.
      await page.getByRole('button', { name: action, exact: true }).click();
      await page.getByRole('dialog').getByRole('button', { name: action, exact: true }).click();
      await page.getByRole('dialog').waitFor({ state: 'detached' });
    };
    const stage = page.locator('.stages [aria-current="step"]');
    const relay = overlay.relay('relay-1');
    await relay.process.stop();
    await take('Publish a new root');
    await stage.getByText('Both trusted').waitFor();
    await page.getByRole('button', { name: 'Re-issue certificates without 1' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('relay relay-1, offline').waitFor();
    const force = dialog.getByRole('button', { name: 'Re-issue certificates' });
    expect(await force.isDisabled()).toBe(true);
    await dialog.getByLabel('Type “reissue” to go on').fill('reissue');
    expect(await force.isDisabled()).toBe(false);
    await page.keyboard.press('Escape');
    await relay.start();
    await stage.getByText('Re-issue').waitFor();
    await page.getByText('3 of 3 portals and relays trust both roots.').waitFor();
    await page.getByRole('row', { name: 'laptop' }).getByText('trusts both roots').waitFor();
    await take('Re-issue certificates');
    await stage.getByText('Retire').waitFor();
    await page.getByText('3 of 3 portals and relays have a certificate from the new root.').waitFor();
    await page.getByLabel('Not there yet').check();
    await page.getByRole('heading', { name: 'Everybody is there' }).waitFor();
    await take('Retire the old root');
    await page.locator('.stages').waitFor({ state: 'detached' });
    expect(await roots.count()).toBe(1);
    expect(await fingerprint()).not.toBe(before);
    // The file that the command line reads has followed.
    expect(await overlay.admin(['cert', 'rotate-ca', '--status'])).toContain(await fingerprint());
  });

  it('trusts a manufacturer by the CA in a file, with the keyboard alone, and no more', async () => {
    const { bundle, rootPem } = await Manufacturer.create();
    const fingerprint = new X509Certificate(rootPem).fingerprint256.replaceAll(':', '').toLowerCase();
    await signIn();
    await open('Certificates');
    const add = page.getByRole('button', { name: 'Add a device authority' });
    await add.press('Enter');
    const dialog = page.getByRole('dialog');
    const errorOf = (field: string) =>
      dialog.locator('.field', { has: page.locator(`[name="${field}"]`) }).getByRole('alert');
    // What is typed before that goes nowhere.
    await dialog.locator('[name="name"]:focus').waitFor();
    for (const text of ['acme', 'acme', 'no certificate']) {
      await page.keyboard.type(text);
      await page.keyboard.press('Tab');
    }
    await dialog.getByLabel('Prefix').press('Enter');
    await errorOf('prefix').getByText('with - at the end').waitFor();
    await dialog.getByLabel('Prefix').press('End');
    await page.keyboard.type('-');
    await page.keyboard.press('Enter');
    await errorOf('pem').waitFor();
    const choosing = page.waitForEvent('filechooser');
    await dialog.getByRole('button', { name: 'Choose a file' }).press('Enter');
    const file = { name: 'acme.pem', mimeType: 'application/x-pem-file', buffer: Buffer.from(bundle) };
    await (await choosing).setFiles(file);
    await errorOf('pem').waitFor({ state: 'detached' });
    await page.keyboard.press('Tab');
    await page.keyboard.press('Space');
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    const row = page.getByRole('table', { name: 'Device authorities' }).getByRole('row', { name: 'acme' });
    await row.getByText(fingerprint).waitFor();
    await expect.poll(() => add.evaluate((button) => button === document.activeElement)).toBe(true);
    expect(await overlay.cli(['device-ca', 'ls'])).toMatchObject([
      { name: 'acme', prefix: 'acme-', autoAdd: true, pem: bundle },
    ]);
    await page.setViewportSize(phone);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(phone.width);
    await row.getByRole('button', { name: 'Remove' }).click();
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await row.waitFor({ state: 'detached' });
    expect(await overlay.cli(['device-ca', 'ls'])).toEqual([]);
  });

  it('explains why a connection is denied', async () => {
    await signIn();
    await open('Explain');
    await page.locator('[name="portal"]').fill('laptop');
    await page.locator('[name="port"]').fill(String(await freePort()));
    await page.getByRole('button', { name: 'Explain', exact: true }).click();
    await page.locator('[data-verdict="denied"]').waitFor();
    expect(await page.locator('[data-hop]').count()).toBe(7);
  });

  it.each(['overview', 'portals', 'relays', 'pairs', 'pairs/first', 'traffic', 'explain', 'audit', 'certificates'])(
    '%s fits on a phone',
    async (place) => {
      await page.setViewportSize(phone);
      await signIn();
      await page.goto(`${overlay.url}/#/${place}`);
      await page.locator('.card, form.filters').first().waitFor();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(phone.width);
    },
  );

  it('says that the connection is lost, and goes on when it is back', async () => {
    await signIn();
    await overlay.control.stop('SIGKILL');
    await page.getByText('Connection lost').waitFor();
    await overlay.restartControl();
    await page.getByText('Connection lost').waitFor({ state: 'detached' });
  }, 180_000);
});
