export { unavailable } from './native.js';
export { openUdpSocket, type UdpSocket, type UdpSocketOptions } from './udp-socket.js';
