// The demo's target: an ordinary HTTP server that serves one file, and knows nothing of Netport. With `?rate=BYTES_PER_SECOND` it
// never ends, and goes up and down a little around that rate.
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';

const [file, host = '127.0.0.1'] = process.argv.slice(2);
const tick = 50;
const swing = 0.35;
const swingMs = 9000;

const server = createServer((request, response) => {
  const rate = Number(new URL(request.url, 'http://target').searchParams.get('rate'));
  if (rate > 0) return sendSteadily(response, rate);
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': statSync(file).size });
  createReadStream(file, { highWaterMark: 1 << 20 }).pipe(response);
});
server.listen(0, host, () => console.error(JSON.stringify({ msg: 'listening', port: server.address().port })));

function sendSteadily(response, rate) {
  const block = Buffer.alloc(Math.ceil((rate * (1 + swing) * tick) / 1000));
  const timer = setInterval(() => {
    const now = rate * (1 + swing * Math.sin(Date.now() / swingMs + rate));
    // A reader that does not keep up gets less, not later.
    if (!response.writableNeedDrain) response.write(block.subarray(0, (now * tick) / 1000));
  }, tick);
  response.once('close', () => clearInterval(timer));
}
