/** A message by the letter of RFC 5424. */
export interface SyslogMessage {
  facility: number;
  severity: number;
  timestamp: string;
  hostname: string;
  appName: string;
  procId: string;
  msgId: string;
  data: Record<string, Record<string, string>>;
  text: string;
}

const name = '[!#-<>-\\\\^-~]{1,32}';
const value = '(?:[^"\\\\\\]]|\\\\["\\\\\\]])*';
const element = `\\[${name}(?: ${name}="${value}")*\\]`;
const time = '-|\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d{1,6})?(?:Z|[+-]\\d\\d:\\d\\d)';
const grammar = new RegExp(
  `^<(0|[1-9]\\d{0,2})>1 (${time}) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) (-|(?:${element})+)(?: ([^]*))?$`,
  'u',
);

/** Strict: throws where a message is not one. Of MSG it takes ASCII, which needs no byte order mark. */
export function parseSyslog(bytes: Buffer): SyslogMessage {
  const message = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  const [, priority, timestamp = '', hostname = '', appName = '', procId = '', msgId = '', structured = '', text = ''] =
    grammar.exec(message) ?? [];
  if (priority === undefined || Number(priority) > 191) throw new Error(`no RFC 5424 message: ${message}`);
  if (timestamp !== '-' && Number.isNaN(Date.parse(timestamp))) throw new Error(`no time: ${timestamp}`);
  if (/[^ -~]/.test(text)) throw new Error(`not ASCII: ${text}`);
  const data: SyslogMessage['data'] = {};
  for (const [one] of structured.matchAll(new RegExp(element, 'gu'))) {
    const id = new RegExp(`^\\[(${name})`, 'u').exec(one)?.[1] ?? '';
    if (data[id]) throw new Error(`${id} comes twice`);
    data[id] = {};
    for (const [, key = '', escaped = ''] of one.matchAll(new RegExp(` (${name})="(${value})"`, 'gu'))) {
      data[id][key] = escaped.replace(/\\(["\\\]])/g, '$1');
    }
  }
  return {
    ...{ facility: Math.floor(Number(priority) / 8), severity: Number(priority) % 8 },
    ...{ timestamp, hostname, appName, procId, msgId, data, text },
  };
}

/** Takes whole messages off the front of a stream of frames, RFC 6587 §3.4.1; answers what is left. */
export function takeFrames(bytes: Buffer, onMessage: (message: Buffer) => void): Buffer {
  let rest = bytes;
  for (;;) {
    const space = rest.indexOf(' ');
    if (space === -1) {
      if (rest.length > 10) throw new Error('no length before a message');
      return rest;
    }
    const digits = rest.toString('latin1', 0, space);
    if (!/^[1-9]\d*$/.test(digits)) throw new Error(`no length before a message: ${digits}`);
    const end = space + 1 + Number(digits);
    if (rest.length < end) return rest;
    onMessage(rest.subarray(space + 1, end));
    rest = rest.subarray(end);
  }
}
