import type { AccessPair, BodyOf, endpoints, PairView } from '@netport/protocol';
import { isoTime, localTime } from './format.js';

/** The fields of the pair form, by the paths that the API names them by: an error finds its field without a table. */
export const pairPaths = [
  'name',
  'protocol',
  'from.portal',
  'from.address',
  'from.port',
  'to.portal',
  'to.address',
  'to.port',
  'transport',
  'expiresAt',
  'schedule.days',
  'schedule.from',
  'schedule.to',
  'schedule.timezone',
  'owner',
  'reason',
] as const;
export type PairPath = (typeof pairPaths)[number];
export type PairFields = Record<PairPath, string>;
export type FieldErrors = Partial<Record<PairPath | '', string>>;

export const emptyPair: PairFields = {
  name: '',
  protocol: 'tcp',
  'from.portal': '',
  'from.address': '127.0.0.1',
  'from.port': '',
  'to.portal': '',
  'to.address': '127.0.0.1',
  'to.port': '',
  transport: 'auto',
  expiresAt: '',
  'schedule.days': '',
  'schedule.from': '',
  'schedule.to': '',
  'schedule.timezone': '',
  owner: '',
  reason: '',
};

/** A pair as it is edited. Times are local in the form. */
export function fieldsOf(pair: PairView): PairFields {
  const side = ({ portal, address, port }: AccessPair['from'], name: 'from' | 'to') => ({
    [`${name}.portal`]: portal,
    [`${name}.address`]: address,
    [`${name}.port`]: port === undefined ? '' : String(port),
  });
  return {
    ...emptyPair,
    name: pair.name,
    protocol: pair.protocol,
    ...side(pair.from, 'from'),
    ...side(pair.to, 'to'),
    transport: pair.transport,
    expiresAt: pair.expiresAt ? localTime(new Date(pair.expiresAt)) : '',
    ...(pair.schedule && {
      'schedule.days': pair.schedule.days.join(', '),
      'schedule.from': pair.schedule.from,
      'schedule.to': pair.schedule.to,
      'schedule.timezone': pair.schedule.timezone,
    }),
    owner: pair.owner,
    reason: pair.reason,
  };
}

type PairBody = BodyOf<typeof endpoints.pair.add>;

/** What the API takes, as far as it was typed: the server says what is wrong with it. */
export function bodyOf(fields: PairFields): PairBody {
  const side = (name: 'from' | 'to') => ({
    portal: fields[`${name}.portal`].trim(),
    address: fields[`${name}.address`].trim(),
    ...(fields[`${name}.port`].trim() !== '' && { port: Number(fields[`${name}.port`]) }),
  });
  const schedule = scheduleOf(fields);
  return {
    name: fields.name.trim(),
    protocol: fields.protocol,
    from: side('from'),
    to: side('to'),
    transport: fields.transport,
    ...(fields.expiresAt !== '' && { expiresAt: isoTime(fields.expiresAt) }),
    ...(Object.keys(schedule).length > 0 && { schedule }),
    ...(fields.owner.trim() !== '' && { owner: fields.owner }),
    reason: fields.reason,
  } as PairBody;
}

/** As far as it was typed; nothing of it: in force at all times. */
function scheduleOf(fields: PairFields): Record<string, string | string[]> {
  const days = fields['schedule.days'].split(/[\s,]+/).filter((day) => day !== '');
  const texts = (['from', 'to', 'timezone'] as const).flatMap((part) => {
    const text = fields[`schedule.${part}`].trim();
    return text === '' ? [] : [[part, text] as const];
  });
  return { ...(days.length > 0 && { days }), ...Object.fromEntries(texts) };
}

/** The first error of each field; one that belongs to no field of the form belongs to the form, under ''. */
export function errorsByPath(
  issues: readonly { path: string | readonly PropertyKey[]; message: string }[],
): FieldErrors {
  const errors: FieldErrors = {};
  for (const { path, message } of issues) {
    const text = typeof path === 'string' ? path : path.join('.');
    // Of a list, an entry may be wrong.
    const field = pairPaths.find((known) => known === text || text.startsWith(`${known}.`));
    if (field) errors[field] ??= message;
    else errors[''] ??= text === '' ? message : `${text}: ${message}`;
  }
  return errors;
}
