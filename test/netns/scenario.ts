import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { unavailable as libbpfUnavailable } from '@netport/libbpf';
import { afterAll, beforeAll, expect } from 'vitest';
import {
  type Ending,
  RelayOverlay,
  type RelayOverlayOptions,
  relayNetworksUnavailable,
  root,
} from '../harness/index.js';

export const mib = 1024 ** 2;
export const gib = 1024 ** 3;

export const unavailable = relayNetworksUnavailable();
/** For titles: why nothing runs here. */
export const skipped = unavailable ? ` (skipped: ${unavailable})` : '';

/** Why `--datapath auto` stays in userspace here, or undefined where it must not. */
export const kernelLack: string | undefined =
  libbpfUnavailable ??
  (existsSync(join(root, 'relay/xdp/build/relay.bpf.o')) ? undefined : 'relay/xdp was not built here: it needs clang');
export const kernelSkipped = kernelLack ? ` (skipped: ${kernelLack})` : '';

/** Networks and an overlay of their own for the describe block around. */
export function useRelayOverlay(options: RelayOverlayOptions): () => RelayOverlay {
  let world: RelayOverlay | undefined;
  beforeAll(async () => {
    world = await RelayOverlay.start(options);
  });
  afterAll(() => world?.stop());
  return () => {
    if (!world) throw new Error('asked for before it has started');
    return world;
  };
}

/** Both directions arrived whole, with equal hashes at both ends. */
export function expectWhole({ client, service }: { client: Ending; service: Ending }, up: number, down: number): void {
  if (client.broken !== undefined || service.broken !== undefined) {
    throw new Error(`broken: ${client.broken ?? 'no'} at the client, ${service.broken ?? 'no'} at the service`);
  }
  expect(service.received).toEqual({ bytes: up, sha256: client.sent });
  expect(client.received).toEqual({ bytes: down, sha256: service.sent });
}

/**
 * The connection broke before everything had arrived. By the count, because Node takes a reset that comes together with
 * data for an end (libuv's uv__stream_eof).
 */
export function expectCut(ending: Ending, size: number): void {
  if (ending.broken === undefined) expect(ending.received.bytes).toBeLessThan(size);
}
