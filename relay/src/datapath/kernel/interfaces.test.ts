import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { chooseInterfaces } from './interfaces.js';

const info = (address: string): NetworkInterfaceInfo[] => [
  { address, family: 'IPv4', internal: false, netmask: '255.255.255.0', mac: '02:00:00:00:00:01', cidr: null },
];
const local = { lo: info('127.0.0.1'), eth0: info('192.0.2.1'), eth1: info('198.51.100.1') };
const routes = {
  ipv4: `Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT
eth1\t00000000\t016433C6\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
`,
  ipv6: `00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth2
fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
`,
};

describe('interfaces', () => {
  it('are the named ones, each once', () => {
    expect(chooseInterfaces({ named: ['a', 'b', 'a'], addresses: ['192.0.2.1'], local, routes })).toEqual(['a', 'b']);
  });

  it('or the one that has the address that the relay listens on or that portals dial', () => {
    expect(chooseInterfaces({ addresses: [undefined, '192.0.2.1'], local, routes })).toEqual(['eth0']);
    expect(chooseInterfaces({ addresses: ['127.0.0.1', '192.0.2.1'], local, routes })).toEqual(['lo']);
  });

  it('or those of the default routes, when the address belongs to a NAT or is a name', () => {
    expect(chooseInterfaces({ addresses: ['relay.example.net'], local, routes })).toEqual(['eth1', 'eth2']);
  });

  it('and without any of them the operator is asked', () => {
    const none = { ipv4: '', ipv6: '' };
    expect(() => chooseInterfaces({ addresses: ['203.0.113.9'], local, routes: none })).toThrow(/--interface/);
  });
});
