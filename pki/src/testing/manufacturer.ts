import { x509 } from '../x509.js';

const ec = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const rsa = { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-256' };

export const rsaOf = (modulusLength: number) => ({ ...rsa, modulusLength });

export const serverOnly = new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.1']);

/** RFC 5280 §4.1.2.5: no expiry that anybody knows of, as 802.1AR wants it. */
const noExpiry = new Date('9999-12-31T23:59:59Z');

export interface DeviceOptions {
  /** `2.5.4.5=<serial>,O=…` unless given. */
  subject?: string;
  key?: typeof ec | typeof rsa;
  notAfter?: Date;
  /** Instead of the usual ones. */
  extensions?: x509.Extension[];
  /** Of the issuer's signature. */
  hash?: string;
}

export interface TestDevice {
  keyPem: string;
  /** The device's certificate, and that of the CA that made it. */
  leafPem: string;
  chainPem: string;
}

/** A maker of devices: a root CA and an issuing CA below it. */
export class Manufacturer {
  readonly rootPem: string;
  readonly issuerPem: string;

  private constructor(
    private readonly name: string,
    private readonly root: x509.X509Certificate,
    private readonly issuer: x509.X509Certificate,
    private readonly rootKeys: CryptoKeyPair,
    private readonly issuerKeys: CryptoKeyPair,
    private readonly from: Date,
  ) {
    this.rootPem = pem(root);
    this.issuerPem = pem(issuer);
  }

  static async create({ name = 'Acme', from = new Date(Date.now() - 60_000), lifetime = 3650 * 86_400_000 } = {}) {
    const [rootKeys, issuerKeys] = await Promise.all([generate(ec), generate(ec)]);
    const ca = {
      issuer: `CN=${name} Root,O=${name}`,
      notBefore: from,
      notAfter: new Date(from.getTime() + lifetime),
      signingAlgorithm: ec,
      signingKey: rootKeys.privateKey,
      extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
    };
    const make = x509.X509CertificateGenerator.create.bind(x509.X509CertificateGenerator);
    const root = await make({ ...ca, subject: ca.issuer, publicKey: rootKeys.publicKey });
    const issuer = await make({ ...ca, subject: `CN=${name} Devices,O=${name}`, publicKey: issuerKeys.publicKey });
    return new Manufacturer(name, root, issuer, rootKeys, issuerKeys, from);
  }

  /** What devices are made by: to be made known as a device authority. */
  get bundle(): string {
    return this.rootPem + this.issuerPem;
  }

  async device(serial: string, options: DeviceOptions = {}): Promise<TestDevice> {
    const { subject = `2.5.4.5=${serial},O=${this.name}`, key = ec, notAfter = noExpiry, hash = 'SHA-256' } = options;
    const keys = await generate(key);
    const leaf = await x509.X509CertificateGenerator.create({
      subject,
      issuer: this.issuer.subjectName,
      notBefore: this.from,
      notAfter,
      publicKey: keys.publicKey,
      signingAlgorithm: { ...ec, hash },
      signingKey: this.issuerKeys.privateKey,
      extensions: options.extensions ?? [new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true)],
    });
    const pkcs8 = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
    return {
      keyPem: `${x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')}\n`,
      leafPem: pem(leaf),
      chainPem: pem(leaf) + this.issuerPem,
    };
  }

  /** The same CAs' names with other keys: what somebody makes who has not got these. */
  async imitation(): Promise<Manufacturer> {
    return Manufacturer.create({ name: this.name, from: this.from });
  }

  /** Another issuing CA below the same root, which names its devices as it likes. */
  async sibling(): Promise<Manufacturer> {
    const keys = await generate(ec);
    const issuer = await x509.X509CertificateGenerator.create({
      subject: `CN=${this.name} Devices 2,O=${this.name}`,
      issuer: this.root.subjectName,
      notBefore: this.from,
      notAfter: this.root.notAfter,
      publicKey: keys.publicKey,
      signingAlgorithm: ec,
      signingKey: this.rootKeys.privateKey,
      extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
    });
    return new Manufacturer(this.name, this.root, issuer, this.rootKeys, keys, this.from);
  }
}

const generate = (algorithm: typeof ec | typeof rsa): Promise<CryptoKeyPair> =>
  crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);

const pem = (certificate: x509.X509Certificate): string => `${certificate.toString('pem')}\n`;
