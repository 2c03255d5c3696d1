import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Locator, type Page, type Request } from 'playwright-core';
import type { Overlay } from '../harness/index.js';

const executablePath = '/usr/bin/chromium';
/** For the titles of what needs it. */
export const skipped = existsSync(executablePath) ? '' : ` (skipped: there is no ${executablePath})`;

/** Nothing of the browser's own may go out: what is counted below is the page's. */
const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
];
const desk = { width: 1280, height: 900 };
/** Everything here waits for something that happens: only a machine that stands still takes this long. */
const patience = 45_000;

export const launchBrowser = (): Promise<Browser> => chromium.launch({ executablePath, args: quiet });

/** The page in a browser that knows nobody yet. */
export class AdminPage {
  private readonly complaints: string[] = [];

  private constructor(
    private readonly overlay: Overlay,
    readonly context: BrowserContext,
    readonly page: Page,
  ) {}

  /** `mayAsk`: what may be asked of others than the control server. */
  static async open(
    browser: Browser,
    overlay: Overlay,
    mayAsk: (request: Request) => boolean = () => false,
  ): Promise<AdminPage> {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: desk });
    context.setDefaultTimeout(patience);
    const page = await context.newPage();
    const opened = new AdminPage(overlay, context, page);
    const { complaints } = opened;
    page.on('pageerror', (error) => complaints.push(`threw: ${error.message}`));
    page.on('console', (message) => {
      // The browser itself reports each answer that is an error; those are asked for here.
      const answer = message.text().startsWith('Failed to load resource');
      if (['error', 'warning'].includes(message.type()) && !answer) complaints.push(message.text());
    });
    page.on('request', (request) => {
      const { origin } = new URL(request.url());
      if (origin !== overlay.url && !mayAsk(request)) complaints.push(`asked ${origin}`);
    });
    return opened;
  }

  /** Throws where the page threw, violated its content security policy, or asked somebody else. */
  async close(): Promise<void> {
    await this.context.close();
    if (this.complaints.length > 0) throw new Error(this.complaints.join('\n'));
  }

  readonly heading = (name: string): Locator => this.page.getByRole('heading', { level: 1, name, exact: true });

  readonly signIn = async (): Promise<void> => {
    await this.page.goto(this.overlay.url);
    await this.page.getByLabel('Admin token').fill(await this.overlay.adminToken());
    await this.page.getByRole('button', { name: 'Sign in' }).click();
    await this.heading('Overview').waitFor();
  };

  /** Goes where the navigation leads. */
  readonly open = async (title: string): Promise<void> => {
    await this.page.getByRole('navigation').getByRole('link', { name: title, exact: true }).click();
    await this.heading(title).waitFor();
  };
}
