/** The generated client, under one name: PostgreSQL will be a second one, cast to these types in this directory only. */
import { Prisma } from './generated/client.js';

export { Prisma, PrismaClient } from './generated/client.js';
export const { PrismaClientKnownRequestError } = Prisma;
