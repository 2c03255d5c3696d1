import { type ClientHttp2Session, type ClientHttp2Stream, constants, type ServerHttp2Stream } from 'node:http2';

/**
 * An HTTP/2 server gives up a session whose client resets 1000 streams at once, or 33 a second for long: nghttp2's
 * defence against rapid reset (CVE-2023-44487), which Node does not let a server relax. A client stays below that.
 */
const burst = 900;
const perSecond = 30;

/** How many streams the client may still reset itself. Pure: the time, in milliseconds, is passed in. */
export class ResetBudget {
  #left = burst;
  #at: number;

  constructor(now: number) {
    this.#at = now;
  }

  take(now: number): boolean {
    this.#left = Math.min(burst, this.#left + ((now - this.#at) / 1000) * perSecond);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}

const listFields = { ':method': 'POST', ':path': '/resets', ':scheme': 'https', ':authority': 'portal.invalid' };

/** Bytes of one stream id on the list, big endian. */
const idBytes = 4;

export const isResetList = (fields: { ':method'?: unknown; ':path'?: unknown }): boolean =>
  fields[':method'] === listFields[':method'] && fields[':path'] === listFields[':path'];

/** What goes beyond the budget: one request whose body lists the streams that the server shall reset for the client. */
export class ResetList {
  readonly #session: ClientHttp2Session;
  #request: ClientHttp2Stream | undefined;

  constructor(session: ClientHttp2Session) {
    this.#session = session;
  }

  /** False when the session takes no more requests. */
  add(id: number): boolean {
    if (!this.#request && (this.#session.closed || this.#session.destroyed)) return false;
    this.#request ??= this.#session.request(listFields, { endStream: false }).on('error', () => {});
    const entry = Buffer.alloc(idBytes);
    entry.writeUInt32BE(id);
    this.#request.write(entry);
    return true;
  }

  /** So that a draining session can close: no stream is left to be listed. */
  end(): void {
    this.#request?.end();
  }
}

/** The server's end of a reset list. An id that means nothing is ignored: its stream may have ended meanwhile. */
export function readResetList(request: ServerHttp2Stream, reset: (id: number) => void): void {
  let rest = Buffer.alloc(0);
  request.on('error', () => {});
  request.respond({ ':status': constants.HTTP_STATUS_OK });
  request.on('data', (chunk: Buffer) => {
    const bytes = Buffer.concat([rest, chunk]);
    const whole = bytes.length - (bytes.length % idBytes);
    for (let at = 0; at < whole; at += idBytes) reset(bytes.readUInt32BE(at));
    rest = bytes.subarray(whole);
  });
  request.once('end', () => request.end());
}
