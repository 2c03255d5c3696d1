import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** By what they took; vitest itself knows no better than the size of a file, and ends with the longest one all alone. */
const longest = [
  'netns/relay',
  'flow/identities',
  'netns/roaming',
  'netns/udp-applications',
  'flow/grants',
  'deploy/kubernetes',
  'flow/udp',
  'browser/page',
  'netns/bad-input',
  'netns/transport',
  'flow/transfer',
  'flow/quic-relays',
  'flow/explain',
  'flow/bad-input',
  'flow/outage',
  'flow/memory',
  'flow/audit',
  'netns/explain',
];

/** Begins with the files that take longest, so that no worker waits for another's at the end. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId, project }: TestSpecification): number => {
      const at = longest.indexOf(relative(project.config.root, moduleId).replace(/\.test\.ts$/, ''));
      return at === -1 ? longest.length : at;
    };
    return (await super.sort(files)).sort((one, other) => rank(one) - rank(other));
  }
}
