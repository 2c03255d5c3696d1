import { NetportError } from '@netport/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDocuments } from './read.js';

const web = `apiVersion: netport.dev/v1
kind: AccessPair
metadata: { name: web }
spec:
  from: { portal: laptop, address: 127.0.0.1, port: 8080 }
  to:
    portal: field-gw
    address: 10.0.0.5
    port: 80
`;
const messages = (...texts: string[]): string[] => {
  try {
    readDocuments(texts.map((text, at) => ({ file: `${at}.yaml`, text })));
    return [];
  } catch (thrown) {
    return (thrown as NetportError).message.split('\n').slice(1);
  }
};

describe('documents', () => {
  it.each([
    ['one', web, 1],
    [
      'several in one file, some of them empty',
      `# all\n---\n${web}---\n---\n${web.replace('name: web', 'name: b')}`,
      2,
    ],
    ['JSON', JSON.stringify({ apiVersion: 'netport.dev/v1', kind: 'Portal', metadata: { name: 'x' } }), 1],
    ['a list', `[{ apiVersion: netport.dev/v1, kind: Portal, metadata: { name: x } }]`, 1],
    ['none', '# nothing yet\n', 0],
    ['aliases', web.replace('port: 80\n', 'port: &port 80\n').replace('port: 8080', 'port: 80'), 1],
  ])('are read: %s', (_what, text, count) => {
    expect(readDocuments([{ file: 'a.yaml', text }]).documents).toHaveLength(count);
  });

  it('have times of day that stay texts, with or without quotes', () => {
    const schedule = '  schedule: { days: [mon-fri], from: 08:00, to: 18:00 }\n';
    const [document] = readDocuments([{ file: 'a.yaml', text: web + schedule }]).documents;
    expect(document).toMatchObject({ spec: { schedule: { from: '08:00', to: '18:00', timezone: 'UTC' } } });
  });

  it.each<[string, string, string]>([
    ['a wrong value', web.replace('port: 80\n', 'port: http\n'), '0.yaml:9:11: spec.to.port: use a port'],
    ['a wrong value in braces', web.replace('8080', '99999'), '0.yaml:5:53: spec.from.port: at most 65535'],
    ['a missing value', web.replace('    port: 80\n', ''), '0.yaml:7:5: spec.to.port: a port is required'],
    ['an empty value', web.replace('address: 10.0.0.5', 'address:'), '0.yaml:8:5: spec.to.address: must be text'],
    [
      'an unknown field',
      web.replace('address: 10', 'adress: 10'),
      '0.yaml:8:13: spec.to.adress: there is no such field',
    ],
    ['another kind', web.replace('AccessPair', 'Pair'), '0.yaml:2:7: kind: kind is AccessPair, Group'],
    ['no mapping', 'hello\n', '0.yaml:1:1: kind is AccessPair'],
    ['a key twice', `${web}    port: 81\n`, '0.yaml:10:5: Map keys must be unique'],
    ['no YAML', `${web}  ]\n`, '0.yaml:10:3: '],
    [
      'the second document',
      `${web}---\n${web.replace('tcp', 'x').replace('name: web', 'name: Web')}`,
      '0.yaml:13:19: metadata.name: use 1 to 63',
    ],
    [
      'a line of a test',
      'apiVersion: netport.dev/v1\nkind: PolicyTests\nmetadata: { name: x }\nspec:\n  tests:\n    - a may reach b:1\n    - a reaches b\n',
      '0.yaml:7:7: spec.tests.1: write PORTAL may',
    ],
    [
      'a value behind an alias',
      web.replace('metadata:', 'metadata: &name').replace('port: 80\n', 'port: *name\n'),
      '0.yaml:9:11: spec.to.port: use a port',
    ],
  ])('are refused with the place of %s', (_what, text, message) => {
    expect(messages(text).join('\n')).toContain(message);
  });

  it('tell of all mistakes at once', () => {
    expect(messages(web.replace('8080', '0').replace('port: 80\n', 'port: 0\n'), 'x: 1\n')).toHaveLength(3);
  });

  it('are named once, over all files', () => {
    expect(messages(web, `\n${web}`)).toEqual(['1.yaml:4:19: AccessPair web is at 0.yaml:3:19 already']);
  });

  it('do not let aliases stand for more than they should', () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]'];
    for (const [at, name] of [...'bcdefghi'].entries()) {
      const before = 'abcdefgh'[at];
      bomb.push(`${name}: &${name} [${Array(10).fill(`*${before}`).join(',')}]`);
    }
    expect(messages(bomb.join('\n'))[0]).toContain('0.yaml:1:1: Excessive alias count');
  });

  it('get their places back into what the server refuses', () => {
    const { placed } = readDocuments([
      { file: 'a.yaml', text: web },
      { file: 'b.yaml', text: `---\n${web.replace('name: web', 'name: b')}` },
    ]);
    const fields = [
      { path: 'documents.1.spec.to.portal', message: 'no portal is named field-gw' },
      { path: '', message: 'the documents make 20001 access pairs' },
    ];
    const thrown = placed(new NetportError('invalid_request', 'no', { fields }));
    expect(thrown).toMatchObject({ code: 'invalid_request' });
    expect((thrown as NetportError).message.split('\n').slice(1)).toEqual([
      'b.yaml:8:13: spec.to.portal: no portal is named field-gw',
      'the documents make 20001 access pairs',
    ]);
    const other = new NetportError('conflict', 'changed');
    expect(placed(other)).toBe(other);
  });
});

describe('whatever a file has in it', () => {
  /** Documents, or mistakes with their places: nothing else may come of it. */
  const survives = (text: string): void => {
    try {
      readDocuments([{ file: 'a.yaml', text }]);
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(NetportError);
      for (const line of (thrown as NetportError).message.split('\n').slice(1))
        expect(line).toMatch(/^a\.yaml(:\d+:\d+)?: /);
    }
  };
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    '&a',
    '*a',
    '<<: ',
    '- ',
    '? ',
    ': ',
    '---\n',
    '...\n',
    '|\n',
    '>-\n',
    '!!binary ',
    '\t',
    '\n',
    '  ',
    '"',
    "'",
    '#',
    '%YAML 1.1\n',
    '\u0000',
    '\ufeff',
  ];

  it('is read or refused', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), survives));
    fc.assert(fc.property(fc.json(), survives));
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...pieces, ...web.split(/(?<=[\s:])/)), { maxLength: 60 }).map((all) => all.join('')),
        survives,
      ),
    );
  });

  it('also where it is almost a document', () => {
    fc.assert(
      fc.property(fc.nat(web.length), fc.nat(20), fc.constantFrom(...pieces), (at, length, piece) =>
        survives(web.slice(0, at) + piece + web.slice(at + length)),
      ),
    );
  });
});
