import { z } from 'zod';
import { documentSchema } from './document.js';
import { limits } from './limits.js';
import { nameSchema } from './names.js';

/** Policy as code: the bodies and endpoints of `netport apply`, `diff` and `export`. */

export const documentKinds = ['AccessPair', 'Group', 'Portal', 'PolicyTests'] as const;

export const policyRequestSchema = z.strictObject({
  documents: z.array(documentSchema).max(limits.policyDocuments),
  /** Withdraw what earlier applies made and these documents do not name. */
  prune: z.boolean().default(false),
  /** Only if nothing was changed since the answer that had this number. */
  revision: z.int().nonnegative().optional(),
});
export type PolicyRequest = z.infer<typeof policyRequestSchema>;

export const documentChangeSchema = z.object({
  action: z.enum(['create', 'update', 'delete', 'unchanged']),
  kind: z.enum(documentKinds),
  name: nameSchema,
  /** What differs, in an update. */
  fields: z.array(z.object({ path: z.string(), before: z.unknown(), after: z.unknown() })).optional(),
});
export type DocumentChange = z.infer<typeof documentChangeSchema>;

export const testResultSchema = z.object({ test: z.string(), passed: z.boolean(), why: z.string() });
export type TestResult = z.infer<typeof testResultSchema>;

export const policyAnswerSchema = z.object({
  changes: z.array(documentChangeSchema),
  tests: z.array(testResultSchema),
  revision: z.int(),
});
export type PolicyAnswer = z.infer<typeof policyAnswerSchema>;

export const policyExportSchema = z.object({ documents: z.array(documentSchema), revision: z.int() });
export type PolicyExport = z.infer<typeof policyExportSchema>;

export const policyEndpoints = {
  show: {
    method: 'get',
    path: '/policy',
    summary: 'Export the present state as documents',
    answer: policyExportSchema,
  },
  diff: {
    method: 'post',
    path: '/policy/diff',
    summary: 'Say what applying these documents would change, and whether their tests would pass',
    body: policyRequestSchema,
    bodyBytes: limits.policyBodyBytes,
    answer: policyAnswerSchema,
  },
  apply: {
    method: 'post',
    path: '/policy/apply',
    summary: 'Apply these documents, all of them or none',
    body: policyRequestSchema,
    bodyBytes: limits.policyBodyBytes,
    answer: policyAnswerSchema,
  },
} as const;
