import { native } from './native.js';

/**
 * Has a TCP socket, by its descriptor, follow a congestion control of the kernel's (`bbr`, `cubic`, …) from now on. Throws ENOENT
 * where the kernel has none of that name, EPERM where this process may not choose it, ENOSYS where the addon is unavailable.
 */
export function setCongestion(fd: number, name: string): void {
  native().setCongestion(fd, name);
}
