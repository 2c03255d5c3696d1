import { NetportError } from '@netport/protocol';
import { PrismaClientKnownRequestError } from './prisma.js';

/** Runs a create and names what is there already. Throws `already_exists`. */
export async function unique(what: string, create: () => Promise<unknown>): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (error instanceof PrismaClientKnownRequestError && error.code === 'P2002') {
      throw new NetportError('already_exists', `${what} exists already`, { cause: error });
    }
    throw error;
  }
}
