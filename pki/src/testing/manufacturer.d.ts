import { x509 } from '../x509.js';

declare const ec: {
  name: string;
  namedCurve: string;
  hash: string;
};
declare const rsa: {
  name: string;
  modulusLength: number;
  publicExponent: Uint8Array<ArrayBuffer>;
  hash: string;
};
export declare const rsaOf: (modulusLength: number) => {
  name: string;
  publicExponent: Uint8Array<ArrayBuffer>;
  hash: string;
  modulusLength: number;
};
export declare const serverOnly: x509.ExtendedKeyUsageExtension;
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
export declare class Manufacturer {
  private readonly name;
  private readonly root;
  private readonly issuer;
  private readonly rootKeys;
  private readonly issuerKeys;
  private readonly from;
  readonly rootPem: string;
  readonly issuerPem: string;
  private constructor();
  static create({
    name,
    from,
    lifetime,
  }?: {
    from?: Date | undefined;
    lifetime?: number | undefined;
    name?: string | undefined;
  }): Promise<Manufacturer>;
  /** What devices are made by: to be made known as a device authority. */
  get bundle(): string;
  device(serial: string, options?: DeviceOptions): Promise<TestDevice>;
  /** The same CAs' names with other keys: what somebody makes who has not got these. */
  imitation(): Promise<Manufacturer>;
  /** Another issuing CA below the same root, which names its devices as it likes. */
  sibling(): Promise<Manufacturer>;
}
//# sourceMappingURL=manufacturer.d.ts.map
