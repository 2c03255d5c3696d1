import { rolloverPhases, rolloverSteps } from '@netport/protocol';
import { expect, test } from 'vitest';
import { type AuthorityRecord, advance, checkStep, type Generation, issuing, nextStep, standing } from './phases.js';

const generation = (number: number): Generation => ({
  number,
  rootPem: `root ${number}`,
  issuerPem: `issuer ${number}`,
});
const at = (minute: number): Date => new Date(Date.UTC(2030, 0, 1, 0, minute));
const next = { generation: generation(2), linkPems: ['new with old', 'old with new'] };
const stable: AuthorityRecord = {
  phase: 'stable',
  since: at(0).toISOString(),
  generations: [generation(1)],
  linkPems: [],
};

test('publish, re-issue, retire: certificates come from the new root from re-issue on, and of the old one its word for the new one is left', () => {
  const published = advance(stable, 'publish', at(1), next);
  const reissuing = advance(published, 'reissue', at(2));
  const retired = advance(reissuing, 'retire', at(3));
  const told = [stable, published, reissuing, retired].map((record) => ({
    phase: record.phase,
    known: record.generations.map((known) => known?.number),
    issuing: issuing(record).number,
    links: record.linkPems,
    since: record.since,
  }));
  expect(told).toEqual([
    { phase: 'stable', known: [1], issuing: 1, links: [], since: at(0).toISOString() },
    { phase: 'published', known: [1, 2], issuing: 1, links: next.linkPems, since: at(1).toISOString() },
    { phase: 'reissuing', known: [1, 2], issuing: 2, links: next.linkPems, since: at(2).toISOString() },
    { phase: 'stable', known: [2], issuing: 2, links: ['new with old'], since: at(3).toISOString() },
  ]);
});

test('a published root can be taken back until something is issued under it, and leaves nothing', () => {
  const published = advance(stable, 'publish', at(1), next);
  expect(advance(published, 'cancel', at(2))).toEqual({ ...stable, since: at(2).toISOString() });
  const third = { generation: generation(3), linkPems: ['third with new', 'new with third'] };
  const retired = advance(advance(advance(stable, 'publish', at(1), next), 'reissue', at(2)), 'retire', at(3));
  const again = advance(retired, 'publish', at(4), third);
  expect(again.linkPems).toEqual([...third.linkPems, 'new with old']);
  expect(advance(again, 'cancel', at(5)).linkPems).toEqual(['new with old']);
  expect(advance(advance(again, 'reissue', at(5)), 'retire', at(6)).linkPems).toEqual(['third with new']);
  expect(() => advance(advance(published, 'reissue', at(2)), 'cancel', at(3))).toThrow(/next step is retire/);
});

test('every other step is refused with what comes next', () => {
  const allowed = rolloverPhases.flatMap((phase) =>
    rolloverSteps.flatMap((step) => {
      try {
        checkStep(phase, step);
        return [`${phase} ${step}`];
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: 'conflict', message: expect.stringContaining(nextStep[phase]) });
        return [];
      }
    }),
  );
  expect(allowed).toEqual(['stable publish', 'published reissue', 'published cancel', 'reissuing retire']);
});

test.each([
  // Whom it trusts, which root it says that its certificate is of, those of its certificates; the roots there are; how far it is.
  [null, null, [], ['a'], 'none'],
  [null, null, ['a'], ['a'], 'new'],
  [['a', 'b'], 'a', ['a'], ['b'], 'old'],
  [null, null, ['a', 'b'], ['b'], 'new'],
  [null, null, ['a'], ['a', 'b'], 'old'],
  [['a'], 'a', ['a'], ['a', 'b'], 'old'],
  [['a', 'b'], 'a', ['a'], ['a', 'b'], 'both'],
  [['a', 'b'], 'a', ['a', 'b'], ['a', 'b'], 'both'],
  [['a', 'b'], 'b', ['a', 'b'], ['a', 'b'], 'new'],
  [null, null, ['b'], ['a', 'b'], 'new'],
  [['a', 'b'], 'b', [], ['a', 'b'], 'none'],
  [['a', 'b'], 'a', ['a'], ['b', 'c'], 'none'],
] as const)('who trusts %j, says %j and has certificates of %j, where the roots are %j, is %s', (...row) => {
  const [trustedRoots, certifiedBy, certificates, roots, expected] = row;
  expect(standing({ trustedRoots, certifiedBy, certificates }, roots)).toBe(expected);
});
