import { join } from 'node:path';
import type { LegOffer, NewToken, Transport } from '@netport/protocol';
import type { Overlay } from './overlay.js';
import { root, startProcess } from './process.js';

/** Registers two portals and permits circuits between them; returns their join tokens. */
export async function admitPortals(overlay: Overlay, [from, to]: readonly [string, string]): Promise<[string, string]> {
  const add = async (name: string) => (await overlay.cli<NewToken>(['portal', 'add', name])).token;
  const tokens = await Promise.all([add(from), add(to)]);
  await overlay.admin(['pair', 'add', `${from}-${to}`, '--from', `${from}:127.0.0.1:9`, '--to', `${to}:127.0.0.1:9`]);
  return tokens;
}

/** A leg, and what binds it in hex: the preamble, or leg binds of 64 bytes with rising counters. */
export type BareLeg = LegOffer & { hello: string };

export interface BareCircuit {
  /** Not bound. */
  legs: [BareLeg, BareLeg];
  /** Ends both portals' sessions. */
  leave(): Promise<unknown>;
}

/** Two portals that have nothing but their identities, so that whoever asks can bind their legs himself. */
export class BarePortals {
  private constructor(
    private readonly overlay: Overlay,
    private readonly names: readonly [string, string],
    private tokens: readonly string[],
  ) {}

  static async add(overlay: Overlay, names: readonly [string, string]): Promise<BarePortals> {
    return new BarePortals(overlay, names, await admitPortals(overlay, names));
  }

  /** A new circuit, asked for from within a namespace. */
  async circuit(transport: Transport, namespace: string): Promise<BareCircuit> {
    const directories = this.names.map((name) => join(this.overlay.directory, `bare-${name}`));
    const args = [transport, ...directories, ...this.tokens];
    const script = join(root, 'test/dist/harness/bare-portals.js');
    const portals = startProcess({ name: 'bare-portals', script, args, namespace });
    const { legs } = await portals.waitForLog('legs');
    this.tokens = [];
    return { legs: legs as [BareLeg, BareLeg], leave: () => portals.stop('SIGKILL') };
  }

  /** Takes the permission away, which closes their circuits. */
  async forbid(): Promise<void> {
    await this.overlay.admin(['pair', 'rm', this.names.join('-')]);
  }
}
