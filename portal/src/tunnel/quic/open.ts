import { randomBytes } from 'node:crypto';
import { type PeerIdentity, type Trust, verifyPeer } from '@netport/pki';
import { asNetportError, limits, NetportError } from '@netport/protocol';
import type { Tunnel, TunnelContext, TunnelHandlers } from '../tunnel.js';
import { type Config, type Connection, quiche } from './binding.js';
import { closeCodes, closeReason } from './close.js';
import { alpn, type Congestion, quicConfig } from './config.js';
import { type DriverUser, here, QuicDriver, there } from './driver.js';
import type { DatagramPath } from './path.js';
import { QuicTunnel } from './quic-tunnel.js';

export interface QuicOptions extends TunnelHandlers {
  /** Its other end is whoever the relay joined it with, until proved to be the peer. Owned by the tunnel from here. */
  path: DatagramPath;
  context: Omit<TunnelContext, 'serial' | 'root' | 'transport'>;
  /** This portal's key and chain, PEM. */
  identity: { keyPem: string; chainPem: string };
  trust: Trust;
  now: () => Date;
  congestion?: Congestion;
  /** Milliseconds. */
  timeout?: number;
  /** Ends the set-up. */
  abandon?: AbortSignal;
  times?: { pingInterval: number; silence: number };
}

/**
 * A tunnel with exactly that peer. Rejects with a `cert_*` code or `tunnel_failed`, and the path is closed. No stream is
 * looked at before the peer's chain was verified, and none is opened before the peer has verified this side's.
 */
export function openQuicTunnel(options: QuicOptions): Promise<Tunnel> {
  return new Promise((resolve, reject) => new Setup(options, resolve, reject).start());
}

const defaultTimes = { pingInterval: limits.tunnelPingInterval, silence: limits.tunnelSilence };
const connectionIdBytes = 16;

/** From the first packet to a peer that is known. */
class Setup implements DriverUser {
  readonly #options: QuicOptions;
  readonly #resolve: (tunnel: Tunnel) => void;
  readonly #reject: (error: NetportError) => void;
  readonly #timer: NodeJS.Timeout;
  #driver: QuicDriver | undefined;

  constructor(options: QuicOptions, resolve: (tunnel: Tunnel) => void, reject: (error: NetportError) => void) {
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#timer = setTimeout(
      () => this.#refuse(new NetportError('tunnel_failed', 'the QUIC handshake took too long')),
      options.timeout ?? limits.tunnelSetupTimeout,
    );
    options.abandon?.addEventListener('abort', this.#giveUp);
  }

  start(): void {
    const { path, context, abandon } = this.#options;
    if (abandon?.aborted) {
      this.#giveUp();
      return;
    }
    try {
      const config = this.#config();
      // No name is asked for: it is a SPIFFE ID, which verifyPeer checks; the stack's own check is for host names.
      if (context.role === 'client') this.#drive(quiche().Connection.connect(null, newId(), here, there, config));
      else path.onDatagrams = (packets) => this.#awaitInitial(packets, config);
    } catch (thrown) {
      this.#refuse(asNetportError(thrown, 'tunnel_failed'));
    }
  }

  onTurn(): void {
    if (!this.#driver?.quic.isEstablished()) return;
    try {
      this.#openTunnel(this.#driver, this.#verify(this.#driver.quic));
    } catch (thrown) {
      this.#refuse(asNetportError(thrown, 'tunnel_failed'));
    }
  }

  /** Belongs to no flow that was opened yet. */
  onDatagram(): void {}

  onEnd(): void {
    if (this.#driver) this.#fail(closeReason(this.#driver.quic, this.#options.context.peer));
  }

  #config(): Config {
    const { context, identity, trust, congestion = 'bbr', times = defaultTimes } = this.#options;
    const { role } = context;
    return quicConfig({ role, identity, rootPems: trust.rootPems, silence: times.silence, congestion });
  }

  /** Anything else that comes first is nobody's. */
  #awaitInitial(packets: readonly Uint8Array[], config: Config): void {
    const first = packets.findIndex(isInitial);
    if (first < 0) return;
    this.#drive(quiche().Connection.accept(newId(), null, here, there, config)).receive(packets.slice(first));
  }

  #drive(quic: Connection): QuicDriver {
    const { path } = this.#options;
    const driver = new QuicDriver(quic, path, this);
    this.#driver = driver;
    path.onDatagrams = (packets) => driver.receive(packets);
    return driver;
  }

  #verify(quic: Connection): PeerIdentity {
    const { context, trust, now } = this.#options;
    if (Buffer.from(quic.applicationProto()).toString() !== alpn) {
      throw new NetportError('tunnel_failed', `the peer did not choose ${alpn} (ALPN)`);
    }
    const usage = context.role === 'client' ? 'server' : 'client';
    return verifyPeer({ chain: quic.peerCertChain() ?? [], trust, now: now(), usage, expect: context.peer });
  }

  #openTunnel(driver: QuicDriver, { serial, rootFingerprint: root }: PeerIdentity): void {
    const { context, times = defaultTimes, onStream, onFlow } = this.#options;
    const tunnel = new QuicTunnel({
      driver,
      times,
      onStream,
      onFlow,
      context: { ...context, serial, root, transport: 'quic' },
    });
    void tunnel.closed.then((reason) => this.#fail(reason));
    void tunnel.accepted.then(() => {
      this.#settled();
      this.#resolve(tunnel);
    });
  }

  /** This side ends it. */
  #refuse(error: NetportError): void {
    this.#fail(error);
    if (this.#driver) this.#driver.close(closeCodes.closed, `${error.code}: ${error.message}`);
    else this.#options.path.close();
  }

  readonly #giveUp = (): void => this.#refuse(new NetportError('tunnel_failed', 'the set-up was abandoned'));

  #settled(): void {
    clearTimeout(this.#timer);
    this.#options.abandon?.removeEventListener('abort', this.#giveUp);
  }

  #fail(reason: NetportError): void {
    this.#settled();
    const { peer } = this.#options.context;
    const own = reason.code.startsWith('cert_') || reason.code === 'tunnel_failed' || reason.code === 'unavailable';
    this.#reject(
      own
        ? reason
        : new NetportError('tunnel_failed', `${peer} ended the set-up: ${reason.message}`, { cause: reason }),
    );
  }
}

const newId = (): Uint8Array => randomBytes(connectionIdBytes);

function isInitial(packet: Uint8Array): boolean {
  const { Header, Type, versionIsSupported } = quiche();
  try {
    const { ty, version } = Header.fromSlice(packet, connectionIdBytes);
    return ty === Type.Initial && versionIsSupported(version);
  } catch {
    return false;
  }
}
