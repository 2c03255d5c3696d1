export * from './curl.js';
export * from './namespaces.js';
export * from './overlay.js';
export * from './payload.js';
export * from './process.js';
export * from './target.js';
export * from './wait.js';
