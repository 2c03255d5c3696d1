/** The page loads what this server has and nothing else, is nobody's frame, and runs no text as code. */
const contentSecurityPolicy = [
  "default-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "object-src 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

export const yearInSeconds = 365 * 24 * 60 * 60;

/** On every answer, refusals included: what a browser makes of one must not depend on which it is. */
export const securityHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': contentSecurityPolicy,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': `max-age=${yearInSeconds}`,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;
