import { describe, expect, it } from 'vitest';
import type { DatapathChoice } from '../harness/index.js';
import { kernelLack, kernelSkipped, mib, skipped, unavailable, useRelayOverlay } from './scenario.js';
import { carriesTcp, tcpScenarios } from './tcp-scenarios.js';
import { carriesUdp, udpScenarios } from './udp-scenarios.js';

const choices: DatapathChoice[] = ['userspace', 'auto'];

describe.skipIf(unavailable).each(choices)(`a relay with --datapath %s${skipped}`, (datapath) => {
  describe('between two NATs, one of them behind a link with an MTU of 1280', () => {
    const world = useRelayOverlay({ datapath, mtu: { 1: 1280 }, portalArgs: ['--transport', 'tcp'] });
    it.skipIf(datapath === 'auto' && kernelLack)(`forwards where it should${kernelSkipped}`, () => {
      expect(world().datapath).toBe(datapath === 'auto' ? 'xdp' : 'userspace');
    });
    carriesTcp(world, 256 * mib);
    carriesUdp(world, 64 * mib);
    udpScenarios(world);
    tcpScenarios(world);
  });

  describe('over IPv6, on a machine that is a router too', () => {
    const world = useRelayOverlay({ datapath, version: 'ipv6', forwarding: true, portalArgs: ['--transport', 'tcp'] });
    carriesTcp(world, 128 * mib);
    carriesUdp(world, 32 * mib);
  });
});
