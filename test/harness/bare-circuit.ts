import { join } from 'node:path';
import type { LegOffer, NewToken, Transport } from '@netport/protocol';
import { type Overlay, root } from './overlay.js';
import { type RunningProcess, startProcess } from './process.js';

/** A leg, and what binds it in hex: the preamble, or leg binds of 64 bytes with rising counters. */
export type BareLeg = LegOffer & { hello: string };

/** Two portals that have nothing but their identities, so that whoever asks can bind their legs himself. */
export class BarePortals {
  private constructor(
    private readonly overlay: Overlay,
    private readonly names: readonly [string, string],
    private tokens: readonly string[],
  ) {}

  static async add(overlay: Overlay, names: readonly [string, string]): Promise<BarePortals> {
    const tokens: string[] = [];
    for (const name of names) tokens.push((await overlay.cli<NewToken>(['portal', 'add', name])).token);
    const [from, to] = names;
    // What permits circuits between the two.
    await overlay.admin(['pair', 'add', `${from}-${to}`, '--from', `${from}:127.0.0.1:9`, '--to', `${to}:127.0.0.1:9`]);
    return new BarePortals(overlay, names, tokens);
  }

  /** A new circuit, its legs not bound. `leave` ends both portals' sessions. */
  async circuit(
    transport: Transport,
    namespace: string,
  ): Promise<{ legs: [BareLeg, BareLeg]; leave(): Promise<unknown> }> {
    const directories = this.names.map((name) => join(this.overlay.directory, `bare-${name}`));
    const args = [transport, ...directories, ...this.tokens];
    const script = join(root, 'test/dist/harness/bare-portals.js');
    const portals: RunningProcess = startProcess({ name: 'bare-portals', script, args, namespace });
    const { legs } = await portals.waitForLog('legs');
    this.tokens = [];
    return { legs: legs as [BareLeg, BareLeg], leave: () => portals.stop('SIGKILL') };
  }

  /** Takes the permission away, which closes their circuits. */
  async forbid(): Promise<void> {
    await this.overlay.admin(['pair', 'rm', this.names.join('-')]);
  }
}
