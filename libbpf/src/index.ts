export { be16, bytes, type Codec, decode, encode, perCpu, struct, u8, u16, u32, u64 } from './codec.js';
export { LibbpfError } from './errors.js';
export { type AttachMode, Link, openPinnedLink } from './link.js';
export { BpfMap, type Existing, openPinnedMap, type TypedMap } from './map.js';
export { type MapOptions, unavailable } from './native.js';
export { BpfObject, type LoadOptions, loadObject } from './object.js';
export { openPinnedProgram, type Program, type TestRun } from './program.js';
