import { z } from 'zod';
import { pageOf, pageQuerySchema } from './api-page.js';
import { limits } from './limits.js';
import { nameSchema } from './names.js';
import { timestampSchema } from './policy.js';

/** Device authorities: the CAs of manufacturers, whose devices enrol with the certificate that they were made with (IEEE 802.1AR). */

/** What the names of all its portals begin with, so that no device becomes a portal of another kind. */
export const devicePrefixSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,30}-$/, 'use 2 to 32 of a–z, 0–9 and -, with - at the end, such as acme-');

export const addDeviceAuthoritySchema = z.strictObject({
  name: nameSchema,
  /** The manufacturer's root CA, or the one below it that is to be trusted alone, and those between it and the devices. */
  pem: z.string().max(limits.deviceAuthorityBytes, `use at most ${limits.deviceAuthorityBytes} characters`),
  prefix: devicePrefixSchema,
  /** A device that no portal was added for becomes one. */
  autoAdd: z.boolean().default(false),
});
export type AddDeviceAuthority = z.output<typeof addDeviceAuthoritySchema>;

export const deviceAuthoritySchema = addDeviceAuthoritySchema.extend({
  certificates: z.array(
    z.object({
      subject: z.string(),
      /** SHA-256, hexadecimal. */
      fingerprint: z.string(),
      notAfter: timestampSchema,
      /** Trusted by itself; the others only complete the path to one that is. */
      anchor: z.boolean(),
    }),
  ),
  createdAt: timestampSchema,
});
export type DeviceAuthorityView = z.output<typeof deviceAuthoritySchema>;

/** The CAs that its devices are trusted by: the first to expire comes first. */
export const anchorsOf = ({ certificates }: DeviceAuthorityView): DeviceAuthorityView['certificates'] =>
  certificates.filter(({ anchor }) => anchor).sort((one, other) => one.notAfter.localeCompare(other.notAfter));

export const deviceAuthorityEndpoints = {
  list: {
    method: 'get',
    path: '/device-authorities',
    summary: 'List device authorities, by name',
    query: pageQuerySchema,
    answer: pageOf(deviceAuthoritySchema),
  },
  add: {
    method: 'post',
    path: '/device-authorities',
    summary: 'Let devices enrol with the certificate of their manufacturer',
    body: addDeviceAuthoritySchema,
    answer: deviceAuthoritySchema,
    status: 201,
  },
  remove: {
    method: 'delete',
    path: '/device-authorities/:name',
    summary: 'Remove a device authority: no more of its devices enrol; those that have stay',
    answer: z.object({}),
  },
} as const;
