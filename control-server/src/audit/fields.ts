import type { AuditRecord } from '../store/store.js';

/** Pure: what an event says of its subject, wherever it says so; as it is after a change. */
export const fieldsOf = ({ detail }: Pick<AuditRecord, 'detail'>): Record<string, unknown> => ({
  ...object(detail.before),
  ...object(detail.after),
  ...detail,
});

const object = (value: unknown): object => (typeof value === 'object' && value !== null ? value : {});
