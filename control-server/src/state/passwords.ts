import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { limits, NetportError } from '@netport/protocol';

const hashBytes = 32;
/** RFC 7914: 32 MiB and three passes. Kept with each hash, so that they can grow: docs/decisions.md. */
const cost = { ln: 15, r: 8, p: 3 };

/** Hashes passwords, one after the other: each costs memory and a core, and who signs in is a stranger. */
export class Passwords {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** `$scrypt$ln=…,r=…,p=…$salt$hash`. Throws `rate_limited`. */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(16);
    const { ln, r, p } = cost;
    const hash = await this.#derive(password, salt, cost);
    return `$scrypt$ln=${ln},r=${r},p=${p}$${salt.toString('base64url')}$${hash.toString('base64url')}`;
  }

  /** Whether it is the password; without a hash it is not, which takes as long. Throws `rate_limited`. */
  async verify(password: string, kept: string | undefined): Promise<boolean> {
    const [, ln, r, p, salt, hash] = /^\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([\w-]+)\$([\w-]+)$/.exec(kept ?? '') ?? [];
    const known = salt !== undefined && hash !== undefined;
    const parameters = known ? { ln: Number(ln), r: Number(r), p: Number(p) } : cost;
    const derived = await this.#derive(password, Buffer.from(salt ?? '', 'base64url'), parameters);
    const expected = known ? Buffer.from(hash, 'base64url') : randomBytes(hashBytes);
    return known && expected.length === derived.length && timingSafeEqual(expected, derived);
  }

  #derive(password: string, salt: Buffer, { ln, r, p }: typeof cost): Promise<Buffer> {
    if (this.#waiting >= limits.passwordQueue) {
      return Promise.reject(new NetportError('rate_limited', 'too many people sign in at this moment'));
    }
    this.#waiting += 1;
    const options = { N: 2 ** ln, r, p, maxmem: 256 * 2 ** ln * r };
    // One text can be typed in several ways: the same letters are the same password.
    const work = this.#last.then(() => derive(password.normalize('NFKC'), salt, options));
    this.#last = work.catch(() => {}).finally(() => (this.#waiting -= 1));
    return work;
  }
}

const derive = (password: string, salt: Buffer, options: ScryptOptions): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    scrypt(password, salt, hashBytes, options, (error, derived) => (error ? reject(error) : resolve(derived)));
  });

/** 120 random bits, in groups that can be read out. */
export const makePassword = (): string => Array.from({ length: 5 }, () => randomBytes(3).toString('hex')).join('-');
