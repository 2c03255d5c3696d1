import type { Name } from '@netport/protocol';

/** What is kept of manufacturers, and of the devices that have enrolled. */
export interface DeviceRecords {
  deviceAuthorities: DeviceAuthorityRecords;
  devices: BoundDeviceRecords;
}

export interface DeviceAuthorityRecord {
  name: Name;
  prefix: string;
  /** CA certificates, PEM. */
  pem: string;
  autoAdd: boolean;
  createdAt: Date;
}

export interface DeviceAuthorityRecords {
  /** Throws `already_exists`. */
  add(authority: DeviceAuthorityRecord): Promise<void>;
  /** By name. */
  list(): Promise<DeviceAuthorityRecord[]>;
  find(name: string): Promise<DeviceAuthorityRecord | undefined>;
  /** False where there is none of this name. */
  remove(name: string): Promise<boolean>;
}

/** Which device a portal is. It ends with the portal. */
export interface BoundDevice {
  identity: string;
  portal: Name;
  authority: string;
  subject: string;
}

export interface BoundDeviceRecords {
  find(identity: string): Promise<BoundDevice | undefined>;
  ofMember(memberId: string): Promise<BoundDevice | undefined>;
  bind(device: Omit<BoundDevice, 'portal'> & { memberId: string; boundAt: Date }): Promise<void>;
  /** How many portals are devices that this authority has vouched for. */
  count(authority: string): Promise<number>;
}
