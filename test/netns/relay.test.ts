import { describe } from 'vitest';
import type { DatapathChoice } from '../harness/index.js';
import { mib, skipped, unavailable, useRelayOverlay } from './scenario.js';
import { carriesTcp, tcpScenarios } from './tcp-scenarios.js';
import { carriesUdp, udpScenarios } from './udp-scenarios.js';

const choices: DatapathChoice[] = ['userspace', 'auto'];

describe.skipIf(unavailable).each(choices)(`a relay with --datapath %s${skipped}`, (datapath) => {
  describe('between two NATs', () => {
    const world = useRelayOverlay({ datapath });
    carriesTcp(world, 256 * mib);
    carriesUdp(world, 64 * mib);
    udpScenarios(world);
    tcpScenarios(world);
  });

  describe('over IPv6', () => {
    const world = useRelayOverlay({ datapath, version: 'ipv6' });
    carriesTcp(world, 64 * mib);
    carriesUdp(world, 32 * mib);
  });

  describe('with an MTU of 1280 on one side, on a machine that is a router too', () => {
    const world = useRelayOverlay({ datapath, mtu: { 1: 1280 }, forwarding: true });
    carriesTcp(world, 64 * mib);
    carriesUdp(world, 32 * mib);
  });
});
