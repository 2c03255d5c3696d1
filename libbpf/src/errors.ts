import { getSystemErrorName } from 'node:util';

/** Numbers that the kernel and libbpf use beyond the errno of user space. */
const ownCodes: Record<number, string> = {
  524: 'ENOTSUPP',
  4000: 'LIBBPF_LIBELF',
  4001: 'LIBBPF_FORMAT',
  4002: 'LIBBPF_KVERSION',
  4003: 'LIBBPF_ENDIAN',
  4004: 'LIBBPF_INTERNAL',
  4005: 'LIBBPF_RELOC',
  4006: 'LIBBPF_LOAD',
  4007: 'LIBBPF_VERIFY',
  4008: 'LIBBPF_PROG2BIG',
  4009: 'LIBBPF_KVER',
  4010: 'LIBBPF_PROGTYPE',
  4011: 'LIBBPF_WRNGPID',
  4012: 'LIBBPF_INVSEQ',
  4013: 'LIBBPF_NLPARSE',
};

/** What libbpf or the kernel refused. `code` is an errno name (`EPERM`), or a libbpf one (`LIBBPF_FORMAT`). */
export class LibbpfError extends Error {
  override readonly name = 'LibbpfError';
  readonly code: string;
  /** Why the verifier refused a program, instruction by instruction. */
  readonly verifierLog?: string;

  /** `errno` is positive. Also called by the addon. */
  constructor(message: string, errno: number, verifierLog?: string) {
    super(message);
    this.code = ownCodes[errno] ?? getSystemErrorName(-errno);
    if (verifierLog !== undefined) this.verifierLog = verifierLog;
  }
}
