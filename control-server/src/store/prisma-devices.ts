import type { Name } from '@netport/protocol';
import type { DeviceRecords } from './device-records.js';
import type { Prisma } from './prisma.js';
import { unique } from './prisma-unique.js';

/** Manufacturers and their devices, over one Prisma client. */
export const deviceRecords = (prisma: Prisma.TransactionClient): DeviceRecords => ({
  deviceAuthorities: {
    add: (authority) =>
      unique(`the device authority ${authority.name}`, () => prisma.deviceAuthority.create({ data: authority })),
    list: async () => (await prisma.deviceAuthority.findMany({ orderBy: { name: 'asc' } })).map(branded),
    find: async (name) => {
      const row = await prisma.deviceAuthority.findUnique({ where: { name } });
      return row ? branded(row) : undefined;
    },
    remove: async (name) => (await prisma.deviceAuthority.deleteMany({ where: { name } })).count === 1,
  },

  devices: {
    find: async (identity) => {
      const row = await prisma.device.findUnique({ where: { identity }, include: { member: true } });
      return row ? bound(row) : undefined;
    },
    ofMember: async (memberId) => {
      const row = await prisma.device.findUnique({ where: { memberId }, include: { member: true } });
      return row ? bound(row) : undefined;
    },
    bind: async (device) => {
      await prisma.device.create({ data: device });
    },
    count: (authority) => prisma.device.count({ where: { authority } }),
  },
});

/** It was checked when it came in. */
const branded = <Row extends { name: string }>(row: Row) => ({ ...row, name: row.name as Name });

const bound = (row: { identity: string; authority: string; subject: string; member: { name: string } }) => ({
  identity: row.identity,
  portal: row.member.name as Name,
  authority: row.authority,
  subject: row.subject,
});
