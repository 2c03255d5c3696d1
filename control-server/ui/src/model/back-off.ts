/** How long to wait before try number `attempt`: up to twice as long each time, never longer than the largest, and never at once. */
export const backOff = (
  attempt: number,
  { backoffBase, backoffMax }: { backoffBase: number; backoffMax: number },
  random: number,
): number => backoffBase + random * Math.min(backoffMax, backoffBase * 2 ** attempt);
