export * from './control-connection.js';
export * from './control-session.js';
export * from './data-directory.js';
export * from './enrolment.js';
export * from './identity.js';
export * from './log.js';
export * from './metrics.js';
export * from './process.js';
