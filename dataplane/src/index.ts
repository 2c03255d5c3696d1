export { setCongestion } from './congestion.js';
export { descriptorOf } from './descriptor.js';
export { checkEnd, endedInOrder } from './end.js';
export { unavailable } from './native.js';
export { openUdpServer, peerOf, type UdpPeer, type UdpServer, type UdpServerOptions } from './udp-server.js';
export { openUdpSocket, type UdpSocket, type UdpSocketOptions } from './udp-socket.js';
