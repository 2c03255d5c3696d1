// Downloads over HTTP for as long as this process runs, at about a wanted rate: something to look at.
import { once } from 'node:events';
import { get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

const retryMs = 500;

/** Fetches `url` again and again at about `bytesPerSecond`, a little more and less in turn. Returns what ends it. */
export function keepFetching(url, bytesPerSecond) {
  const stopped = new AbortController();
  const { signal } = stopped;
  void (async () => {
    while (!signal.aborted) {
      await fetchSlowly(url, bytesPerSecond, signal).catch(() => pause(retryMs));
    }
  })();
  return () => stopped.abort();
}

async function fetchSlowly(url, bytesPerSecond, signal) {
  const [response] = await once(get(url, { agent: false, signal }), 'response');
  for await (const chunk of response) {
    // A swing of a minute or so, or the plot would be a bar.
    const swing = 1 + 0.35 * Math.sin(Date.now() / 9000 + bytesPerSecond);
    await pause((chunk.length / (bytesPerSecond * swing)) * 1000);
  }
}
