// Something to look at: downloads from demo-target.mjs for as long as this process runs.
import { once } from 'node:events';
import { get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

const retryMs = 500;

/** Fetches from `url` at about `bytesPerSecond`, again when it breaks. */
export async function keepFetching(url, bytesPerSecond) {
  for (;;) {
    try {
      const [response] = await once(get(`${url}?rate=${bytesPerSecond}`, { agent: false }), 'response');
      await once(response.resume(), 'end');
    } catch {
      // A pair that was disabled may be enabled again.
    }
    await pause(retryMs);
  }
}
