import { nameSchema } from '@netport/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Admission, checkAdmission, portalOfDevice } from './device-admission.js';

test.each([
  ['1234', 'acme-1234'],
  ['AB-12', 'acme-ab-12'],
  ['PID:C9300-24T SN:FCW2144L045', 'acme-pid-c9300-24t-sn-fcw2144l045'],
  ['  x__y.z  ', 'acme-x-y-z'],
])('the device %j is the portal %s', (serial, name) => {
  expect(portalOfDevice('acme-', serial)).toBe(name);
});

test.each(['', '---', 'Ω', 'x'.repeat(59)])('the device %j is no portal', (serial) => {
  expect(() => portalOfDevice('acme-', serial)).toThrow(expect.objectContaining({ code: 'cert_wrong_name' }));
});

test('whatever a device is called, it is a portal of its prefix or none', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' })), (serial) => {
      try {
        const name = portalOfDevice('acme-', serial);
        expect(name.startsWith('acme-') && nameSchema.safeParse(name).success).toBe(true);
      } catch (error) {
        expect(error).toMatchObject({ code: 'cert_wrong_name' });
      }
    }),
  );
});

const [before, then, after] = [new Date(1000), new Date(2000), new Date(3000)] as const;
const member = { createdAt: then, revokedAt: null };
const known: Admission = {
  name: 'acme-1' as never,
  identity: 'one',
  autoAdd: false,
  member,
  boundIdentity: undefined,
  boundPortal: undefined,
  certificate: undefined,
};
const bound = { boundIdentity: 'one', boundPortal: known.name, certificate: { revokedAt: null } };

test.each<[string, Partial<Admission>, string]>([
  ['that an admin has added is let in', {}, 'in'],
  ['that nobody has added is not', { member: undefined }, 'forbidden'],
  ['that nobody has added is, where its authority may add it', { member: undefined, autoAdd: true }, 'in'],
  ['that was removed is not', { member: undefined, certificate: { revokedAt: before } }, 'cert_revoked'],
  [
    'that was removed does not add itself again',
    { member: undefined, autoAdd: true, certificate: { revokedAt: before } },
    'cert_revoked',
  ],
  ['that was removed and added again is let in', { certificate: { revokedAt: before } }, 'in'],
  ['that is let in already comes again', bound, 'in'],
  ['that was revoked does not', { ...bound, member: { ...member, revokedAt: after } }, 'cert_revoked'],
  ['that was revoked before it came does not', { member: { ...member, revokedAt: after } }, 'cert_revoked'],
  ['does not become another one', { boundIdentity: 'two' }, 'cert_wrong_name'],
  ['does not become two', { boundPortal: 'acme-2' as never }, 'cert_wrong_name'],
  ['does not become who came with a join token', { certificate: { revokedAt: null } }, 'cert_wrong_name'],
  ['nor when that one was revoked since', { certificate: { revokedAt: after } }, 'cert_wrong_name'],
])('a device %s', (_what, facts, expected) => {
  const check = (): string => {
    try {
      checkAdmission({ ...known, ...facts });
      return 'in';
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  expect(check()).toBe(expected);
});
