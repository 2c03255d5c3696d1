import { LibbpfError, type Link, openPinnedLink, type Program } from '@netport/libbpf';
import type { Logger } from '@netport/runtime';
import type { Pins } from './pins.js';

export type Hook = 'xdp' | 'tc';

interface Attachment {
  readonly hook: Hook;
  readonly interface: string;
  link: Link;
  lost: boolean;
}

export interface AttachmentOptions {
  programs: Record<Hook, Program>;
  pins: Pins | undefined;
  /** XDP only: an interface that packets may leave through. */
  onDevice: (ifindex: number) => void;
  log: Logger;
}

/** Where the programs are attached. A bpf_link cannot be replaced by others, but it can be taken off, and interfaces go. */
export class Attachments {
  readonly #options: AttachmentOptions;
  readonly #all: Attachment[] = [];

  constructor(options: AttachmentOptions) {
    this.#options = options;
  }

  has(hook: Hook): boolean {
    return this.#all.some((attachment) => attachment.hook === hook);
  }

  /** Those that are not there at the moment. */
  get lost(): number {
    return this.#all.filter(({ lost }) => lost).length;
  }

  /** Attaches to every one of the interfaces or to none. Throws a LibbpfError: EBUSY, ENODEV, EPERM, … */
  attach(hook: Hook, interfaces: readonly string[]): void {
    const made: Attachment[] = [];
    try {
      for (const name of interfaces) {
        made.push({ hook, interface: name, link: this.#link(hook, name), lost: false });
      }
    } catch (error) {
      for (const attachment of made) this.#detach(attachment);
      throw error;
    }
    this.#all.push(...made);
  }

  /** Takes off what a process before this one left attached elsewhere. */
  removeStrays(): void {
    const { pins } = this.#options;
    const files = new Set(this.#all.map(({ hook, interface: name }) => pinName(hook, name)));
    for (const file of pins?.names() ?? []) {
      if (/^(?:xdp|tc)-/.test(file) && !files.has(file)) pins?.remove(file);
    }
  }

  /** Finds links whose program was taken off or whose interface is gone, and attaches again. */
  check(): void {
    const { log } = this.#options;
    for (const attachment of this.#all) {
      const { hook, interface: name, link } = attachment;
      if (link.mode === 'clsact' || (!attachment.lost && link.info().ifindex !== 0)) continue;
      if (!attachment.lost) log.warn({ interface: name, hook }, 'the program was taken off, or the interface is gone');
      attachment.lost = true;
      try {
        this.#detach(attachment);
        attachment.link = this.#link(hook, name);
        attachment.lost = false;
        log.info({ interface: name, hook }, 'attached again');
      } catch (error) {
        // Asked again at the next check: the interface may come back.
        log.debug({ interface: name, hook }, `still not attached: ${(error as Error).message}`);
      }
    }
  }

  close(): void {
    for (const attachment of this.#all.splice(0)) this.#detach(attachment);
  }

  #link(hook: Hook, name: string): Link {
    const { programs, pins, onDevice } = this.#options;
    const file = pinName(hook, name);
    const adopted = pins?.has(file) ? adopt(pins.path(file), programs[hook]) : undefined;
    if (!adopted) pins?.remove(file);
    const link = adopted ?? (hook === 'xdp' ? programs.xdp.attachXdp(name) : programs.tc.attachTc(name, 'ingress'));
    if (pins && !adopted && link.mode !== 'clsact') link.pin(pins.path(file));
    if (hook === 'xdp') onDevice(link.info().ifindex);
    return link;
  }

  #detach({ hook, interface: name, link }: Attachment): void {
    this.#options.pins?.remove(pinName(hook, name));
    link.close();
  }
}

const pinName = (hook: Hook, name: string): string => `${hook}-${name}`;

/** The link of a process before this one, with this process's program in the place of that one's: no packet is missed. */
function adopt(path: string, program: Program): Link | undefined {
  try {
    const link = openPinnedLink(path);
    if (link.info().ifindex !== 0) {
      link.update(program);
      return link;
    }
    link.close();
  } catch (error) {
    if (!(error instanceof LibbpfError)) throw error;
  }
  return undefined;
}
