import { NetportError } from '@netport/protocol';

/** What is wrong with a document, and where in the request: `documents.3.spec.to.port`. */
export interface Issue {
  path: readonly (string | number)[];
  message: string;
}

/** More than anybody corrects at once. */
const issuesMax = 100;

/** The refusal that names every place. */
export function refusal(issues: readonly Issue[]): NetportError {
  const fields = issues.slice(0, issuesMax).map(({ path, message }) => ({ path: path.join('.'), message }));
  const [first] = fields;
  const where = first && first.path !== '' ? `${first.path}: ` : '';
  return new NetportError('invalid_request', `${where}${first?.message ?? 'invalid'}`, { fields });
}
