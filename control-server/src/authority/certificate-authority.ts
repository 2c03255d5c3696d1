import {
  type Authority,
  type CrlRequest,
  createAuthority,
  type IssueRequest,
  linkRoots,
  openAuthority,
} from '@netport/pki';
import { NetportError, type RolloverStep, type TrustDomain } from '@netport/protocol';
import type { AuthorityFiles } from './authority-files.js';
import { type AuthorityRecord, advance, checkStep, type Generation, issuing } from './phases.js';

/** The authority of a trust domain while its root may be replaced: it issues under one root, and trusts one or two. */
export class CertificateAuthority implements Authority {
  /** Called when a step has been taken, before it is answered: what presents certificates has to have new ones. */
  onStep: () => Promise<void> = async () => {};
  readonly #files: AuthorityFiles;
  readonly #trustDomain: TrustDomain;
  #record: AuthorityRecord;
  #issuing: Authority;
  #busy = false;

  private constructor(files: AuthorityFiles, trustDomain: TrustDomain, record: AuthorityRecord, opened: Authority) {
    this.#files = files;
    this.#trustDomain = trustDomain;
    this.#record = record;
    this.#issuing = opened;
  }

  /** Throws `not_found` or `invalid_request` when a key cannot be opened. */
  static async open(files: AuthorityFiles, trustDomain: TrustDomain): Promise<CertificateAuthority> {
    const record = await files.readRecord();
    const opened = await openGeneration(files, issuing(record));
    await files.writeCertificates(record);
    // Only now: a passphrase that does not open the one key must not close the others.
    for (const generation of record.generations) if (generation) await files.encryptKeys(generation.number);
    return new CertificateAuthority(files, trustDomain, record, opened);
  }

  get record(): AuthorityRecord {
    return this.#record;
  }

  /** Every root that counts. */
  get rootPem(): string {
    return this.#record.generations.map((generation) => generation?.rootPem ?? '').join('');
  }

  /** Every issuing CA whose certificates count. */
  get issuerPem(): string {
    return this.#record.generations.map((generation) => generation?.issuerPem ?? '').join('');
  }

  /** Of the root that certificates come from. */
  get rootFingerprint(): string {
    return this.#issuing.rootFingerprint;
  }

  /** In a rollover: each root's key certified by the other. Later: what the retired root said of this one. */
  get linkPems(): readonly string[] {
    return this.#record.linkPems;
  }

  issue(request: IssueRequest) {
    return this.#issuing.issue(request);
  }

  crl(request: CrlRequest) {
    return this.#issuing.crl(request);
  }

  /** Throws `conflict` when the step is not the phase's, or another is under way, and `not_found` when the root key is not here. */
  async take(step: RolloverStep, now: Date): Promise<void> {
    checkStep(this.#record.phase, step);
    if (this.#busy) throw new NetportError('conflict', 'another step of the rollover is under way: try again');
    this.#busy = true;
    try {
      await this.#take(step, now);
    } finally {
      this.#busy = false;
    }
  }

  async #take(step: RolloverStep, now: Date): Promise<void> {
    const before = this.#record;
    const record = advance(before, step, now, step === 'publish' ? await this.#makeNext(now) : undefined);
    const opened = await openGeneration(this.#files, issuing(record));
    await this.#files.writeRecord(record);
    this.#record = record;
    this.#issuing = opened;
    await this.onStep();
    // Last: a retired root must be able to sign nothing, but not before the new one does.
    for (const generation of before.generations) {
      if (generation && !record.generations.includes(generation)) await this.#files.removeKeys(generation.number);
    }
  }

  async #makeNext(now: Date): Promise<{ generation: Generation; linkPems: string[] }> {
    const [current] = this.#record.generations;
    const number = current.number + 1;
    const rootKeyPem = await this.#files.readKey('root', current).catch((cause: NetportError) => {
      const help = 'put it back for this step: the present root has to vouch for the next one';
      throw new NetportError(cause.code, `${cause.message.split(': ')[0]}: ${help}`, { cause });
    });
    const made = await createAuthority({ trustDomain: this.#trustDomain, now, generation: number });
    const older = { rootPem: current.rootPem, rootKeyPem };
    const linkPems = [
      await linkRoots({ rootPem: made.rootPem, by: older, now }),
      await linkRoots({ rootPem: older.rootPem, by: made, now }),
    ];
    await this.#files.writeKeys(number, made);
    return { generation: { number, rootPem: made.rootPem, issuerPem: made.issuerPem }, linkPems };
  }
}

async function openGeneration(files: AuthorityFiles, generation: Generation): Promise<Authority> {
  const { rootPem, issuerPem } = generation;
  return openAuthority({ rootPem, issuerPem, issuerKeyPem: await files.readKey('issuer', generation) });
}
