// The demo's target: an ordinary HTTP server that serves one file, and knows nothing of Netport.
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';

const [file, host = '127.0.0.1'] = process.argv.slice(2);
const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': statSync(file).size });
  createReadStream(file, { highWaterMark: 1 << 20 }).pipe(response);
});
server.listen(0, host, () => console.error(JSON.stringify({ msg: 'listening', port: server.address().port })));
