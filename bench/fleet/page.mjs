// What a person waits for the admin page, in a headless Chromium.
import { chromium } from 'playwright-core';

const executablePath = '/usr/bin/chromium';
/** Place → what is there once the page shows its contents. */
const places = {
  overview: '.card svg',
  portals: 'tbody tr',
  pairs: 'tbody tr',
};

/** Milliseconds from navigation to the first paint and to the contents, for each place and round. */
export async function measurePage({ url, token, rounds }) {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  try {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 900 } });
    const page = await context.newPage();
    await page.goto(url);
    await page.getByLabel('Admin token').fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.locator(places.overview).first().waitFor();
    const samples = Object.keys(places).map((place) => ({ place, paint: [], contents: [] }));
    for (let round = 0; round < rounds; round++) {
      for (const sample of samples) {
        const { paint, contents } = await load(context, `${url}/#/${sample.place}`, places[sample.place]);
        sample.paint.push(paint);
        sample.contents.push(contents);
      }
    }
    return samples;
  } finally {
    await browser.close();
  }
}

/** A tab of its own each time, with the session's cookie and the browser's cache, as for somebody who comes back. */
async function load(context, address, contents) {
  const page = await context.newPage();
  try {
    await page.goto(address, { waitUntil: 'commit' });
    await page.locator(contents).first().waitFor();
    return await page.evaluate(async () => {
      const shown = performance.now();
      const paint = await new Promise((resolve) => {
        const observer = new PerformanceObserver((entries) => {
          const [first] = entries.getEntriesByName('first-contentful-paint');
          if (first) resolve(first.startTime);
        });
        observer.observe({ type: 'paint', buffered: true });
      });
      return { paint, contents: shown };
    });
  } finally {
    await page.close();
  }
}
