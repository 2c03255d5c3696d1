import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type AuthorityMaterial, decryptKeyPem, encryptKeyPem, isEncryptedKey } from '@netport/pki';
import { NetportError } from '@netport/protocol';
import type { DataDirectory } from '@netport/runtime';
import type { AuthorityRecord, Generation } from './phases.js';

const file = 'authority.json';

/** What of a data directory this needs. */
export type Files = Pick<DataDirectory, 'path' | 'read' | 'write'>;

type KeyKind = 'root' | 'issuer';

/** `root-key.pem`, and from the second generation on `root-key-2.pem`. */
export const keyFile = (kind: KeyKind, generation: number): string =>
  `${kind}-key${generation > 1 ? `-${generation}` : ''}.pem`;

/** The files of an authority in a data directory: the record, the keys of each generation, and root.pem for people. */
export class AuthorityFiles {
  readonly #directory: Files;
  readonly #passphrase: string | undefined;

  /** With a passphrase, keys are on disk encrypted only. */
  constructor(directory: Files, passphrase: string | undefined) {
    this.#directory = directory;
    this.#passphrase = passphrase;
  }

  /** Throws `not_found` when a file is missing. */
  async readRecord(): Promise<AuthorityRecord> {
    const text = await this.#directory.read(file);
    if (text !== undefined) return JSON.parse(text) as AuthorityRecord;
    // From before roots could be replaced.
    const [rootPem, issuerPem] = [await this.#existing('root.pem'), await this.#existing('issuer.pem')];
    const generations = [{ number: 1, rootPem, issuerPem }] as const;
    return { phase: 'stable', since: new Date(0).toISOString(), generations, linkPems: [] };
  }

  /** From here on it counts. What people copy follows: root.pem has every root that is trusted. */
  async writeRecord(record: AuthorityRecord): Promise<void> {
    await this.#directory.write(file, `${JSON.stringify(record, null, 2)}\n`);
    await this.writeCertificates(record);
  }

  async writeCertificates({ generations }: AuthorityRecord): Promise<void> {
    const pems = (kind: 'rootPem' | 'issuerPem'): string => generations.map((known) => known?.[kind] ?? '').join('');
    for (const [name, content] of [
      ['root.pem', pems('rootPem')],
      ['issuer.pem', pems('issuerPem')],
    ] as const) {
      if ((await this.#directory.read(name)) !== content) await this.#directory.write(name, content);
    }
  }

  async writeKeys(number: number, { rootKeyPem, issuerKeyPem }: AuthorityMaterial): Promise<void> {
    await this.#writeKey(keyFile('root', number), rootKeyPem);
    await this.#writeKey(keyFile('issuer', number), issuerKeyPem);
  }

  /** PEM, decrypted. Throws `not_found`, or `invalid_request` when the passphrase does not open it. */
  async readKey(kind: KeyKind, { number }: Generation): Promise<string> {
    const name = keyFile(kind, number);
    const keyPem = await this.#existing(name);
    if (!isEncryptedKey(keyPem)) return keyPem;
    const path = join(this.#directory.path, name);
    if (this.#passphrase === undefined) {
      throw new NetportError('invalid_request', `${path} is encrypted: give the passphrase with --ca-passphrase-file`);
    }
    try {
      return decryptKeyPem(keyPem, this.#passphrase);
    } catch (cause) {
      throw new NetportError('invalid_request', `the CA passphrase does not open ${path}`, { cause });
    }
  }

  /** Keys from before there was a passphrase. A root key may have been taken away. */
  async encryptKeys(number: number): Promise<void> {
    if (this.#passphrase === undefined) return;
    for (const kind of ['root', 'issuer'] as const) {
      const keyPem = await this.#directory.read(keyFile(kind, number));
      if (keyPem && !isEncryptedKey(keyPem)) await this.#writeKey(keyFile(kind, number), keyPem);
    }
  }

  async removeKeys(number: number): Promise<void> {
    for (const kind of ['root', 'issuer'] as const) {
      await rm(join(this.#directory.path, keyFile(kind, number)), { force: true });
    }
  }

  #writeKey(name: string, keyPem: string): Promise<void> {
    const content = this.#passphrase === undefined ? keyPem : encryptKeyPem(keyPem, this.#passphrase);
    return this.#directory.write(name, content);
  }

  async #existing(name: string): Promise<string> {
    const content = await this.#directory.read(name);
    if (content !== undefined) return content;
    throw new NetportError('not_found', `${this.#directory.path}/${name} is missing: restore it from a backup`);
  }
}
