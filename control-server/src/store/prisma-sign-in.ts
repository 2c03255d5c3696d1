import type { Name, Role, Scope } from '@netport/protocol';
import type { Prisma } from './prisma.js';
import { unique } from './prisma-unique.js';
import type { SignInRecords } from './sign-in-records.js';

/** Who may ask and who is signed in, over one Prisma client. */
export const signInRecords = (prisma: Prisma.TransactionClient): SignInRecords => ({
  apiTokens: {
    add: (token) =>
      unique(`the API token ${token.name}`, () =>
        prisma.apiToken.create({
          data: { ...token, hash: Uint8Array.from(token.hash), scopes: token.scopes && JSON.stringify(token.scopes) },
        }),
      ),
    find: async (hash) => {
      const row = await prisma.apiToken.findUnique({ where: { hash: Uint8Array.from(hash) } });
      return row ? apiToken(row) : undefined;
    },
    list: async () => (await prisma.apiToken.findMany({ orderBy: { name: 'asc' } })).map(apiToken),
    used: async (id, lastUsedAt) => {
      await prisma.apiToken.updateMany({ where: { id }, data: { lastUsedAt } });
    },
    remove: async (name) => (await prisma.apiToken.deleteMany({ where: { name } })).count === 1,
  },

  localAdmins: {
    add: (admin) => unique(`the local admin ${admin.name}`, () => prisma.localAdmin.create({ data: admin })),
    find: async (name) => {
      const row = await prisma.localAdmin.findUnique({ where: { name } });
      return row ? branded(row) : undefined;
    },
    list: async () => (await prisma.localAdmin.findMany({ orderBy: { name: 'asc' } })).map(branded),
    update: async (id, data) => {
      await prisma.localAdmin.updateMany({ where: { id }, data });
    },
    remove: async (id) => {
      await prisma.localAdmin.deleteMany({ where: { id } });
    },
  },

  adminSessions: {
    add: async ({ holder, ...session }) => {
      await prisma.adminSession.create({ data: { ...session, ...holder } });
    },
    find: async (hash) => {
      const row = await prisma.adminSession.findUnique({ where: { hash }, include: { token: true, admin: true } });
      const role = row?.token?.role ?? row?.admin?.role ?? row?.role;
      if (!row || !role) return undefined;
      const { actor, seenAt } = row;
      const tokenEnd = row.token?.expiresAt;
      const expiresAt = tokenEnd && tokenEnd < row.expiresAt ? tokenEnd : row.expiresAt;
      const scopes = scopesOf(row.token?.scopes ?? null);
      return { hash, actor, role: role as Role, scopes, seenAt, expiresAt };
    },
    seen: async (hash, seenAt) => {
      await prisma.adminSession.updateMany({ where: { hash }, data: { seenAt } });
    },
    remove: async (hash) => {
      await prisma.adminSession.deleteMany({ where: { hash } });
    },
    removeOf: async (actor, but) => {
      const where = { actor, ...(but !== undefined && { hash: { not: but } }) };
      return (await prisma.adminSession.deleteMany({ where })).count;
    },
    removeEnded: async (now, unseenSince) => {
      const where = { OR: [{ expiresAt: { lte: now } }, { seenAt: { lte: unseenSince } }] };
      await prisma.adminSession.deleteMany({ where });
    },
  },
});

const apiToken = <Row extends { name: string; role: string; scopes: string | null }>(row: Row) => ({
  ...branded(row),
  scopes: scopesOf(row.scopes),
});

const scopesOf = (text: string | null): Scope[] | null => (text === null ? null : JSON.parse(text));

/** Both were checked when they came in. */
const branded = <Row extends { name: string; role: string }>(row: Row) => ({
  ...row,
  name: row.name as Name,
  role: row.role as Role,
});
