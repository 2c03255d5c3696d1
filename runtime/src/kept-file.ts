import { asNetportError } from '@netport/protocol';
import type { DataDirectory } from './data-directory.js';
import type { Logger } from './log.js';

type Content = string | Uint8Array;

/**
 * A file that follows what is in force in this process. Written in the background: a disk that is slow or full holds up nothing
 * that is to be cut. Of what comes while one is being written, only the latest is.
 */
export class KeptFile {
  readonly #directory: DataDirectory;
  readonly #name: string;
  readonly #log: Logger;
  #next: Content | undefined;
  #writing: Promise<void> | undefined;

  constructor(directory: DataDirectory, name: string, log: Logger) {
    this.#directory = directory;
    this.#name = name;
    this.#log = log;
  }

  keep(content: Content): void {
    this.#next = content;
    this.#writing ??= this.#write();
  }

  /** Resolves when the disk has the latest, or has refused it. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#next !== undefined) {
      const content = this.#next;
      this.#next = undefined;
      try {
        await this.#directory.write(this.#name, content);
      } catch (thrown) {
        const { code, message } = asNetportError(thrown, 'data_directory_unwritable');
        const file = `${this.#directory.path}/${this.#name}`;
        this.#log.error({ code }, `in force, but not on disk, so a restart would not know of it: ${file}: ${message}`);
      }
    }
    this.#writing = undefined;
  }
}
