import { type Labels, labelsSchema } from '@netport/protocol';

/** `site=berlin, role=spare`, as one types it. */
export const formatLabels = (labels: Labels): string =>
  Object.entries(labels)
    .map(([key, value]) => (value === '' ? key : `${key}=${value}`))
    .join(', ');

/** The labels in a text, or what is wrong with it. A key alone has an empty value. */
export function parseLabels(text: string): { labels: Labels } | { error: string } {
  const labels: Record<string, string> = {};
  for (const term of text.split(/[\s,]+/).filter((part) => part !== '')) {
    const [key = '', ...value] = term.split('=');
    if (Object.hasOwn(labels, key)) return { error: `${key} is there twice` };
    labels[key] = value.join('=');
  }
  const parsed = labelsSchema.safeParse(labels);
  if (parsed.success) return { labels: parsed.data };
  const [issue] = parsed.error.issues;
  const about = issue?.path.length ? `${issue.path.join('.')}: ` : '';
  return { error: `${about}${issue?.message ?? 'write key=value'}` };
}
