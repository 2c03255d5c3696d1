// A control server with an inventory of portals, some of them connected.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { Overlay, runCommand, scripts } from '@netport/test';

const nameOf = (index) => `portal-${String(index + 1).padStart(4, '0')}`;

export class Fleet {
  /** What each connected portal said last of its policy. */
  policies = new Map();
  #overlay;
  #portals;
  #onPolicy = () => {};

  static async start({ portals, connected }) {
    const fleet = new Fleet();
    fleet.#overlay = await Overlay.start({ relays: ['relay-1'], portals: [] });
    fleet.#portals = fork(join(import.meta.dirname, 'portals.mjs'));
    try {
      await fleet.#fill(portals, connected);
    } catch (error) {
      await fleet.stop();
      throw error;
    }
    return fleet;
  }

  get url() {
    return this.#overlay.url;
  }

  adminToken() {
    return this.#overlay.adminToken();
  }

  /** A file of that many access pairs between the first `connected` portals; answers its path. */
  writePairs(name, count, connected) {
    const documents = Array.from({ length: count }, (_, index) => pair(index, connected));
    const path = join(this.#overlay.directory, name);
    writeFileSync(path, documents.join('---\n'));
    return path;
  }

  /**
   * Runs `netport apply`. Milliseconds of the whole command, and from the new policy, which the control server makes as soon as the
   * change is kept, to the last connected portal having it in force.
   */
  async apply(args, listenersEach) {
    const everybody = this.#everybodyHas(listenersEach);
    const began = performance.now();
    const env = { NETPORT_URL: this.url, NETPORT_CA: this.#overlay.rootFile, NETPORT_TOKEN: await this.adminToken() };
    const options = { name: 'netport', script: scripts.cli, args: ['apply', '--yes', ...args], env };
    const { code, stdout, stderr } = await runCommand(options);
    const command = performance.now() - began;
    if (code !== 0) throw new Error(`netport apply: exit ${code}: ${stderr}`);
    return { command, push: await everybody, summary: stdout.trim().split('\n').at(-1) };
  }

  async api(method, path, body) {
    const authorization = `Bearer ${await this.adminToken()}`;
    const ca = readFileSync(this.#overlay.rootFile);
    const headers = { authorization, ...(body && { 'content-type': 'application/json' }) };
    const outgoing = request(`${this.url}/api/v1${path}`, { method, ca, headers });
    outgoing.end(body && JSON.stringify(body));
    const [answer] = await once(outgoing, 'response');
    let text = '';
    for await (const chunk of answer.setEncoding('utf8')) text += chunk;
    if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  async stop() {
    this.#portals?.kill();
    await this.#overlay.stop();
  }

  async #fill(count, connected) {
    const tokens = [];
    for (let index = 0; index < count; index++) {
      tokens.push(await this.api('POST', '/portals', { name: nameOf(index) }));
      if (index % 100 === 99) process.stderr.write(`\r${index + 1} portals added`);
    }
    const online = new Promise((resolve, reject) => {
      this.#portals.once('exit', (code) => reject(new Error(`the portals ended with ${code}`)));
      this.#portals.on('message', (message) => {
        if (message.type === 'online') resolve();
        else this.#onMessage(message);
      });
    });
    this.#portals.send({ directory: this.#overlay.directory, tokens: tokens.slice(0, connected) });
    await online;
    process.stderr.write(`\r${connected} of ${count} portals are online\n`);
  }

  #onMessage(message) {
    this.policies.set(message.name, message);
    this.#onPolicy();
  }

  /** Resolves once each portal has so many listeners, with how long that took from the issue of their policies. */
  #everybodyHas(listeners) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('not every portal has the policy after two minutes')), 120_000);
      this.#onPolicy = () => {
        const all = [...this.policies.values()];
        if (all.some((policy) => policy.listeners !== listeners)) return;
        clearTimeout(timer);
        const failed = all.reduce((sum, policy) => sum + policy.failed, 0);
        if (failed > 0) reject(new Error(`${failed} listeners could not be opened`));
        else resolve(Math.max(...all.map(({ at }) => at)) - Math.min(...all.map(({ issued }) => issued)));
      };
    });
  }
}

/** Each portal listens for as many as every other, on an address of its own. */
function pair(index, connected) {
  const from = index % connected;
  const round = Math.floor(index / connected);
  const to = (from + 1 + (round % (connected - 1))) % connected;
  return `apiVersion: netport.dev/v1
kind: AccessPair
metadata: { name: pair-${String(index + 1).padStart(5, '0')} }
spec:
  from: { portal: ${nameOf(from)}, address: 127.9.${Math.floor(from / 250)}.${(from % 250) + 1}, port: ${20_000 + round} }
  to: { portal: ${nameOf(to)}, address: 10.0.0.${(index % 250) + 1}, port: 80 }
  owner: ops@example.org
  reason: One of a fleet
`;
}
