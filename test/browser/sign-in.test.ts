import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page, Request } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
// The sources, not the packages: nobody but tests is a provider or a manufacturer.
import { OpenIdProvider } from '../../control-server/test/openid-provider.js';
import { Manufacturer } from '../../pki/src/testing/manufacturer.js';
import { Overlay } from '../harness/index.js';
import { AdminPage, launchBrowser, skipped } from './admin-page.js';

describe.skipIf(skipped)(`signing in on the admin page${skipped}`, () => {
  let overlay: Overlay;
  let provider: OpenIdProvider;
  let browser: Browser;
  let admin: AdminPage;
  let context: BrowserContext;
  let page: Page;
  let heading: AdminPage['heading'];
  let signIn: AdminPage['signIn'];
  let open: AdminPage['open'];

  beforeAll(async () => {
    // By its scheme and its name another site than the page.
    provider = await OpenIdProvider.start({ grace: ['staff'], alan: ['visitors'] }, 'localhost');
    const { issuer, clientId, scopes } = provider;
    const oidc = ['--oidc-issuer', issuer.href, '--oidc-client-id', clientId, '--oidc-scopes', scopes];
    overlay = await Overlay.start({ portals: [], relays: [], controlArgs: [...oidc, '--oidc-role', 'staff=viewer'] });
    provider.open({ redirectUri: `${overlay.url}/api/v1/session/oidc/callback` });
    browser = await launchBrowser();
    await addSomeOfAll();
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await overlay?.stop();
    provider?.stop();
  });

  /** One of all that somebody who may could change. */
  async function addSomeOfAll(): Promise<void> {
    const file = join(overlay.directory, 'acme.pem');
    await writeFile(file, (await Manufacturer.create()).bundle);
    await Promise.all([
      overlay.admin(['portal', 'add', 'laptop']),
      overlay.admin(['portal', 'add', 'field-gw']),
      overlay.admin(['relay', 'add', 'relay-1']),
      overlay.admin(['device-ca', 'add', 'acme', '--file', file, '--prefix', 'acme-']),
    ]);
    await overlay.admin(['pair', 'add', 'web', '--from', 'laptop:127.0.0.1:8080', '--to', 'field-gw:127.0.0.1:80']);
  }

  /** The way to the provider, and what its own pages load. */
  const isOfProvider = (request: Request): boolean =>
    request.frame().url().startsWith(provider.issuer.href) ||
    (request.isNavigationRequest() && request.url().startsWith(provider.issuer.href));

  beforeEach(async () => {
    admin = await AdminPage.open(browser, overlay, isOfProvider);
    ({ context, page, heading, signIn, open } = admin);
  });
  afterEach(() => admin?.close());

  it('lets nobody in with a wrong token', async () => {
    await page.goto(overlay.url);
    await page.getByLabel('Admin token').fill('npa_wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').getByText('not the admin token').waitFor();
    expect(await context.cookies()).toEqual([]);
    await heading('Sign in').waitFor();
  });

  it('lets a local admin in with a password, and offers what the role may', async () => {
    const { password } = await overlay.cli<{ password: string }>(['admin', 'add', 'ada', '--role', 'viewer']);
    await page.goto(overlay.url);
    await page.getByRole('button', { name: 'Use a name and a password' }).click();
    await page.getByLabel('Name').fill('ada');
    await page.getByLabel('Password').fill('wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').getByText('The name or the password is wrong').waitFor();
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await heading('Overview').waitFor();
    await open('Access pairs');
    expect(await page.getByRole('button', { name: 'Add an access pair' }).count()).toBe(0);
    await open('Certificates');
    await page.getByRole('table', { name: 'Root CAs' }).getByText('current').waitFor();
    expect(await page.getByRole('button', { name: 'Publish a new root' }).count()).toBe(0);
  });

  it('lets a local admin change his password with the keyboard alone, and sign out everywhere', async () => {
    const { password } = await overlay.cli<{ password: string }>(['admin', 'add', 'bob', '--role', 'viewer']);
    const enter = async (on: Page, secret: string): Promise<void> => {
      await on.goto(overlay.url);
      await on.getByRole('button', { name: 'Use a name and a password' }).click();
      await on.getByLabel('Name').fill('bob');
      await on.getByLabel('Password').fill(secret);
      await on.getByRole('button', { name: 'Sign in' }).click();
      await on.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
    };
    const elsewhere = await browser.newContext({ ignoreHTTPSErrors: true });
    const other = await elsewhere.newPage();
    await enter(other, password);
    await enter(page, password);

    const account = page.getByRole('button', { name: 'Account' });
    await account.focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Account' });
    await dialog.getByText('Signed in as admin:bob, viewer.').waitFor();
    const fill = async (...texts: string[]): Promise<void> => {
      await dialog.getByLabel('Present password').focus();
      for (const [at, text] of texts.entries()) {
        if (at > 0) await page.keyboard.press('Tab');
        await page.keyboard.press('ControlOrMeta+a');
        await page.keyboard.type(text);
      }
      await page.keyboard.press('Enter');
    };
    const next = 'a longer password';
    const wrong = (label: string, text: string) => {
      const input = page.getByLabel(label, { exact: true });
      return dialog.locator('.field', { has: input }).getByRole('alert').getByText(text).waitFor();
    };
    await fill(password, next, 'another');
    await wrong('New password, again', 'not the same');
    await fill(password, 'short', 'short');
    await wrong('New password', 'at least 12 characters');
    await fill('not it', next, next);
    await wrong('Present password', 'not the present password');
    await fill(password, next, next);
    await dialog.waitFor({ state: 'detached' });
    await page.getByText('Your password is changed.').waitFor({ state: 'attached' });
    // The focus is where it was before.
    expect(await account.evaluate((button) => button === document.activeElement)).toBe(true);
    await other.reload();
    await other.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();

    await enter(other, next);
    await page.keyboard.press('Enter');
    await dialog.getByRole('button', { name: 'Sign out everywhere' }).click();
    await heading('Sign in').waitFor();
    await other.reload();
    await other.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
    await elsewhere.close();
  });

  /** From the sign-in form to the provider's, and through its pages. */
  async function signInAtProvider(login: string): Promise<void> {
    await page.getByRole('link', { name: `Sign in with ${provider.issuer.host}` }).click();
    await page.locator('[name="login"]').fill(login);
    await page.locator('[name="password"]').fill('any');
    await page.getByRole('button', { name: 'Sign-in' }).click();
    await page.getByRole('button', { name: 'Continue' }).click();
  }

  it('lets in by the OpenID provider, offers a viewer nothing that changes anything, and lets out', async () => {
    await page.goto(overlay.url);
    await signInAtProvider('grace');
    await heading('Overview').waitFor();
    await page.reload();
    await page.getByRole('button', { name: 'Account' }).click();
    await page.getByText('Signed in as oidc:grace, viewer.').waitFor();
    await page.keyboard.press('Escape');
    // What stands on each page once it has loaded; of its buttons, those that can be pressed.
    const places = [
      ['portals', '.card:has-text("Open join tokens"):has-text("laptop")', []],
      ['portals/laptop', 'dl', []],
      ['relays', '.card:has-text("Open join tokens"):has-text("relay-1")', []],
      ['relays/relay-1', 'dl', []],
      ['pairs', 'tr:has-text("web")', []],
      ['pairs/web', 'dl', []],
      ['explain', 'form', ['Explain']],
      ['certificates', 'tr:has-text("current")', []],
      ['certificates', 'tr:has-text("acme-")', []],
    ] as const;
    for (const [place, loaded, buttons] of places) {
      await page.goto(`${overlay.url}/#/${place}`);
      await page.locator('main').locator(loaded).first().waitFor();
      expect(await page.locator('main button:enabled').allInnerTexts(), place).toEqual(buttons);
    }
    await page.getByRole('button', { name: 'Sign out' }).click();
    await heading('Sign in').waitFor();
    await page.reload();
    await heading('Sign in').waitFor();
    expect((await context.cookies(overlay.url)).map(({ name }) => name)).toEqual([]);
  });

  it('says once that the provider let in somebody who has no role here', async () => {
    await page.goto(overlay.url);
    await signInAtProvider('alan');
    await page.getByRole('alert').getByText('This identity may not do that').waitFor();
    await page.getByLabel('Admin token').fill(await overlay.adminToken());
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await heading('Sign in').waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  it('signs out for good', async () => {
    await signIn();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await heading('Sign in').waitFor();
    await page.reload();
    await heading('Sign in').waitFor();
  });
});
