import { setFlagsFromString } from 'node:v8';

/*
 * To be imported before all else. What modules make while they load lives on, so V8 has its young generation grow to its
 * full size, two times 16 MB, and a process that is always a little busy never gives that back.
 */
setFlagsFromString('--semi-space-growth-factor=1');
