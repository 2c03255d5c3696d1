export { type ControlServer, type ControlServerOptions, startControlServer } from './control-server.js';
