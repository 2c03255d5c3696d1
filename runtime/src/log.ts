import pino from 'pino';
import pretty from 'pino-pretty';

export type Logger = pino.Logger;

/** What no log line may show, wherever an object that carries it is logged. */
const secrets = ['token', 'secret', 'key', 'keyPem', 'password', 'authorization', 'cookie', 'jws'];
const redact = { paths: secrets.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '[secret]' };

/** JSON lines on stderr; on a terminal, lines for people. `level` as pino names it. */
export function createLogger(role: string, level = 'info'): Logger {
  const destination = process.stderr.isTTY
    ? pretty({ destination: 2, sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' })
    : pino.destination({ dest: 2, sync: true });
  return pino(
    {
      level,
      redact,
      base: { role },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
}
