import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { unavailable as bpfUnavailable } from '@netport/libbpf';
import { NetportError } from '@netport/protocol';
import type { Logger } from '@netport/runtime';
import type { Datapath } from './datapath.js';
import { chooseInterfaces } from './kernel/interfaces.js';
import { KernelDatapath } from './kernel/kernel.js';
import { layoutVersion } from './kernel/layout.js';
import { openPins } from './kernel/pins.js';
import { programFile, programUnavailable } from './kernel/program-file.js';
import { unavailable as addonUnavailable } from './kernel/sockets.js';
import { userspaceDatapath } from './userspace.js';

export const datapathChoices = ['auto', 'userspace', 'xdp'] as const;
export type DatapathChoice = (typeof datapathChoices)[number];

/** `auto`: at tc, where segmentation offload stays. */
export const promotionChoices = ['auto', 'tc', 'xdp', 'off'] as const;
export type PromotionChoice = (typeof promotionChoices)[number];

export interface DatapathOptions {
  datapath: DatapathChoice;
  tcpPromotion: PromotionChoice;
  interfaces?: readonly string[] | undefined;
  /** What portals dial, and where legs are listened for. */
  address: string;
  listenAddress?: string | undefined;
  /** The relay's data directory: whose circuits these are. */
  data: string;
  /** Where a BPF filesystem is, for what shall outlive the process. */
  pinDirectory: string;
  /** Circuits that the kernel has room for. */
  kernelCircuits: number;
  log: Logger;
}

/**
 * The datapath that was asked for; with `auto` the kernel's, where object, kernel and capabilities allow it, else
 * userspace, which says why. Throws `invalid_request`, `permission_denied` or `unavailable` where `xdp` cannot be.
 */
export function chooseDatapath(options: DatapathOptions): Datapath {
  if (options.datapath === 'userspace') return userspaceDatapath();
  try {
    return openKernel(options);
  } catch (thrown) {
    const error = explain(thrown);
    if (options.datapath === 'xdp') throw error;
    options.log.info({ code: error.code }, `the kernel does not forward: ${error.message}`);
    return userspaceDatapath(error.message);
  }
}

function openKernel(options: DatapathOptions): KernelDatapath {
  const missing = bpfUnavailable ?? programUnavailable() ?? addonUnavailable;
  if (missing) throw new NetportError('unavailable', missing);
  const { data, pinDirectory, log, datapath, tcpPromotion, kernelCircuits } = options;
  const interfaces = chooseInterfaces({
    named: options.interfaces,
    addresses: [options.listenAddress, options.address],
    local: networkInterfaces(),
    routes: { ipv4: read('/proc/net/route'), ipv6: read('/proc/net/ipv6_route') },
  });
  const pins = openPins(pinDirectory, data, layoutVersion);
  return new KernelDatapath({
    object: programFile,
    interfaces,
    tcpHook: tcpPromotion === 'auto' ? 'tc' : tcpPromotion === 'off' ? undefined : tcpPromotion,
    pins,
    circuits: kernelCircuits,
    xdpAtOnce: datapath === 'xdp',
    log,
  });
}

const rights = 'the relay needs CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and CAP_NET_RAW (docs/operations.md)';

/** What the kernel's codes mean here. Its own words are kept where they add something. */
const reasons: Record<string, (error: Error) => NetportError> = {
  EPERM: (cause) => new NetportError('permission_denied', rights, { cause }),
  EACCES: (cause) => new NetportError('permission_denied', rights, { cause }),
  ENODEV: (cause) => new NetportError('invalid_request', `${cause.message}: see --interface`, { cause }),
  EBUSY: (cause) => new NetportError('unavailable', `another XDP program is there: ${cause.message}`, { cause }),
};

function explain(thrown: unknown): NetportError {
  if (thrown instanceof NetportError) return thrown;
  if (!isSystemError(thrown)) throw thrown;
  return reasons[thrown.code]?.(thrown) ?? new NetportError('unavailable', thrown.message, { cause: thrown });
}

const isSystemError = (thrown: unknown): thrown is Error & { code: string } =>
  thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string';

/** A kernel without IPv6 has no such file. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
