import { readFile } from 'node:fs/promises';
import { anchorsOf, endpoints, type Name, NetportError } from '@netport/protocol';
import type { Command } from 'commander';
import { nameArgument } from '../../arguments.js';
import { type Cli, connect, type JsonOption, print, printJson, withExample, withJson } from '../../cli.js';
import { absoluteTime } from '../../output/human.js';

interface AddOptions extends JsonOption {
  file: string;
  prefix: string;
  autoAdd?: boolean;
}

export function deviceCaAdd(group: Command, cli: Cli): void {
  const command = group
    .command('add')
    .description('let devices enrol with the certificate of their manufacturer')
    .argument('<name>', 'of the manufacturer: a–z, 0–9 and -', nameArgument)
    .requiredOption('--file <file>', 'its CA certificates, PEM: the root, and those between it and the devices')
    .requiredOption('--prefix <prefix>', 'what the names of its portals begin with, such as acme-')
    .option('--auto-add', 'add a portal for each device that comes; otherwise: netport portal add first')
    .action(async (name: Name, { file, prefix, autoAdd = false, json }: AddOptions) => {
      const body = { name, pem: await readPem(file), prefix, autoAdd };
      const added = await (await connect(cli)).call(endpoints.deviceAuthority.add, { body });
      if (json) {
        printJson(cli, added);
        return;
      }
      const until = anchorsOf(added).map(
        ({ subject, fingerprint, notAfter }) =>
          `  ${subject}, until ${absoluteTime(notAfter)}\n  SHA-256 ${fingerprint}`,
      );
      const next = autoAdd
        ? `A device with the serial number X becomes the portal ${prefix}x.`
        : `For a device with the serial number X: netport portal add ${prefix}x`;
      print(
        cli,
        `Added the device authority ${name}. Devices are trusted that come from\n${until.join('\n')}\n${next}`,
      );
    });
  withExample(withJson(command), 'netport device-ca add acme --file acme-ca.pem --prefix acme-');
}

const readPem = (file: string): Promise<string> =>
  readFile(file, 'utf8').catch((cause: Error) => {
    throw new NetportError('invalid_request', `--file cannot be read: ${cause.message}`, { cause });
  });
