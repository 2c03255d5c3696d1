import type { Name, PairId } from '@netport/protocol';
import type { PairRecord } from '../src/store/store.js';

/** An access pair from a to b, in force and otherwise as plain as can be. */
export const pairRecord = (name: string, change: Partial<PairRecord> = {}): PairRecord => ({
  id: `id-${name}` as PairId,
  name: name as Name,
  protocol: 'tcp',
  from: { portal: 'a' as Name, address: '127.0.0.1', port: 8080 },
  to: { portal: 'b' as Name, address: '10.0.0.5', port: 80 },
  transport: 'auto',
  enabled: true,
  expiresAt: null,
  createdAt: new Date('2030-01-01T00:00:00Z'),
  owner: 'token:admin',
  reason: '',
  revision: 1,
  grant: null,
  schedule: null,
  ...change,
});
