import { z } from 'zod';

/** Labels say what a portal is, for people and for selectors. The syntax is that of Kubernetes, which reads the same documents. */
const part = '[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?';
const prefix = '[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?';
const keyPattern = `(?:${prefix}/)?${part}`;

const labelKeySchema = z
  .string()
  .regex(new RegExp(`^${keyPattern}$`), 'use 1 to 63 letters, digits, - _ and ., such as site or example.org/site');
const labelValueSchema = z.string().regex(new RegExp(`^(?:${part})?$`), 'use at most 63 letters, digits, - _ and .');

export const labelsMax = 16;
export const labelsSchema = z
  .record(labelKeySchema, labelValueSchema)
  .refine((labels) => Object.keys(labels).length <= labelsMax, `use at most ${labelsMax} labels`);
export type Labels = z.infer<typeof labelsSchema>;

interface Requirement {
  key: string;
  /** Undefined: whether the key is there at all. */
  value: string | undefined;
  wanted: boolean;
}

const requirementPattern = new RegExp(`^(!?)(${keyPattern})(?:(!?=)(${part})?)?$`);

/** `site=berlin,role!=spare,camera,!old`; undefined where that is no selector. */
function parseSelector(text: string): Requirement[] | undefined {
  const requirements: Requirement[] = [];
  for (const term of text.split(',')) {
    const [, not, key, operator, value = ''] = requirementPattern.exec(term.trim()) ?? [];
    if (key === undefined || (not === '!' && operator !== undefined)) return undefined;
    if (operator === undefined) requirements.push({ key, value: undefined, wanted: not !== '!' });
    else requirements.push({ key, value, wanted: operator === '=' });
  }
  return requirements;
}

/** Terms that must all hold: `key=value`, `key!=value`, `key`, `!key`. */
export const selectorSchema = z
  .string()
  .max(1024)
  .refine(
    (text) => parseSelector(text) !== undefined,
    'use terms such as site=berlin, site!=berlin, camera or !camera, with commas between them',
  );

/** Whether labels fit a selector that `selectorSchema` has passed. As in Kubernetes, `key!=value` holds without the key. */
export function selectorOf(text: string): (labels: Labels) => boolean {
  const requirements = parseSelector(text) ?? [];
  return (labels) =>
    requirements.every(({ key, value, wanted }) => {
      const own = Object.hasOwn(labels, key) ? labels[key] : undefined;
      return (value === undefined ? own !== undefined : own === value) === wanted;
    });
}
