import { NetportError } from '@netport/protocol';
import { argument, type DeviceFiles, environmentOption } from '@netport/runtime';
import type { Command } from 'commander';

export interface DeviceFlags {
  controlUrl?: string;
  ca?: string;
  deviceCertificate?: string;
  deviceKey?: string;
}

/** Throws unless it is an https URL. */
function parseControlUrl(text: string): string {
  if (isControlUrl(text)) return text;
  throw new Error('an https URL is needed, such as https://control.example:8443');
}

export const isControlUrl = (text: string): boolean => text.startsWith('https://') && URL.canParse(text);

/** Where to enrol; `enroll` has it as an argument instead. */
export const controlUrlOption = () =>
  environmentOption('--control-url <url>', 'control server to enrol at with a device certificate').argParser(
    argument(parseControlUrl),
  );

/** --ca, --device-certificate, --device-key. */
export const addDeviceOptions = (command: Command): Command =>
  command
    .addOption(environmentOption('--ca <file>', 'root CA of that control server, PEM'))
    .addOption(environmentOption('--device-certificate <file>', "the manufacturer's certificate for this device, PEM"))
    .addOption(environmentOption('--device-key <file>', 'and its private key, PEM, not readable by others'));

/**
 * What to enrol with, or undefined where no device certificate was named. The environment may have a CA for other programs, so
 * that alone means nothing. Throws `invalid_request` where something is lacking.
 */
export const readDeviceOptions = (flags: DeviceFlags): DeviceFiles | undefined =>
  flags.deviceCertificate === undefined && flags.deviceKey === undefined ? undefined : requireDevice(flags);

/** Throws `invalid_request` where something is lacking. */
export function requireDevice({
  controlUrl,
  ca,
  deviceCertificate: certificate,
  deviceKey: key,
}: DeviceFlags): DeviceFiles {
  if (controlUrl !== undefined && ca !== undefined && certificate !== undefined && key !== undefined) {
    return { controlUrl, ca, certificate, key };
  }
  const given = { '--control-url': controlUrl, '--ca': ca, '--device-certificate': certificate, '--device-key': key };
  const missing = Object.entries(given).flatMap(([option, value]) => (value === undefined ? [option] : []));
  throw new NetportError('invalid_request', `to enrol with a device certificate, give ${missing.join(', ')}, too`);
}
