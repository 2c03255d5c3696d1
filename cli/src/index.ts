export type { Cli } from './cli.js';
export { type Api, createApi } from './client.js';
export { run } from './program.js';
