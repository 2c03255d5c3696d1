import { type AuthorityView, endpoints, NetportError, type RolloverStep, type RootView } from '@netport/protocol';
import { type Cli, connectAs } from '../../cli.js';
import { createApi } from '../../client.js';
import { loadCredentials, readCa, storeCa } from '../../credentials.js';
import type { RootsRevision } from '../../roots.js';

/** The authority of a control server. Each look at it also keeps the roots of this login up to date. */
export interface Authority {
  show(): Promise<AuthorityView>;
  step(step: RolloverStep, force?: boolean): Promise<AuthorityView>;
}

/** `say` gets, once each, what a person has to know about the roots that this login trusts. */
export async function openAuthority(cli: Cli, say: (line: string) => void): Promise<Authority> {
  // Here, because it takes longer to load than every other command to run.
  const { reviseRoots } = await import('../../roots.js');
  const credentials = await loadCredentials(cli.env);
  let api = connectAs(cli, credentials);
  let refused: RootView | undefined;
  const said = new Set<string>();

  async function heed(view: AuthorityView): Promise<AuthorityView> {
    const offered = view.roots.map(({ pem, linkPem = '' }) => pem + linkPem).join('');
    const revision = reviseRoots(api.ca, offered, new Date(cli.now()));
    const { trusted } = revision;
    refused = trusted.length === 0 ? undefined : view.roots.find(({ fingerprint }) => !trusted.includes(fingerprint));
    const lines = [
      revision.ca === api.ca ? undefined : await use(revision, offered),
      refused && `Not trusted: the root ${refused.fingerprint}: no root that you trust has certified it.`,
    ].filter((line) => line !== undefined);
    for (const line of lines) if (!said.has(line)) say(line);
    for (const line of lines) said.add(line);
    return view;
  }

  async function use(revision: RootsRevision, offered: string): Promise<string | undefined> {
    api = createApi({ ...credentials, ca: revision.ca });
    const file = cli.env.NETPORT_CA;
    if (file) {
      // Beside the control server it is the server's own root.pem, which has followed already.
      const present = await readCa(file);
      return reviseRoots(present, offered, new Date(cli.now())).ca === present ? undefined : fileAdvice(file, revision);
    }
    const path = await storeCa(cli.env, revision.ca);
    return revision.added.length > 0
      ? `This login trusts the new root, too, from now on: ${path}.`
      : `This login no longer trusts the retired root: ${path}.`;
  }

  return {
    show: async () => heed(await api.call(endpoints.authority.show, {})),
    step: async (step, force = false) => {
      if (refused && (step === 'reissue' || step === 'retire')) {
        throw new NetportError(
          'cert_untrusted',
          `the new root is not trusted here, so that to ${step} would lock this login out. ` +
            'Look at root.pem in the data directory of the control server; if it is right, log in again with it',
        );
      }
      return heed(await api.call(endpoints.authority.rollover, { body: { step, force } }));
    },
  };
}

/** A file that somebody else wrote is left to him. */
const fileAdvice = (file: string, { added }: RootsRevision): string =>
  added.length > 0
    ? `NETPORT_CA (${file}) lacks the new root: add its pem (--status --json shows it). From reissue on nothing connects without it.`
    : `NETPORT_CA (${file}): the old root is retired, so let that file hold the new one only.`;
