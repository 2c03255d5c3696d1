import { constants, type SecureClientSessionOptions, type ServerSessionOptions } from 'node:http2';
import { limits } from '@netport/protocol';

const megabyte = 1_000_000;

/**
 * One set for both ends. Large windows are what makes one stream fast; everything a peer could flood is small.
 * RFC 9113 §10.5 lists the floods.
 */
export const sessionOptions = {
  settings: {
    enablePush: false,
    /** RFC 8441, for connect-udp. */
    enableConnectProtocol: true,
    initialWindowSize: limits.streamWindowBytes,
    maxFrameSize: limits.frameBytes,
    maxConcurrentStreams: limits.streamsPerTunnel,
    maxHeaderListSize: limits.streamHeadBytes,
  },
  // Node counts this in megabytes, refuses new streams beyond it, and its default is spent by one stalled stream.
  maxSessionMemory: Math.ceil((8 * limits.tunnelWindowBytes) / megabyte),
  peerMaxConcurrentStreams: limits.streamsPerTunnel,
  maxHeaderListPairs: 16,
  maxSendHeaderBlockLength: limits.streamHeadBytes,
  maxOutstandingPings: 4,
  maxSessionInvalidFrames: 10,
  maxSessionRejectedStreams: 100,
  paddingStrategy: constants.PADDING_STRATEGY_NONE,
} as const satisfies SecureClientSessionOptions & ServerSessionOptions;

/** The stream errors of RFC 9113 §7 that say something here. */
export const {
  NGHTTP2_NO_ERROR: noError,
  NGHTTP2_CANCEL: cancelled,
  NGHTTP2_REFUSED_STREAM: refusedStream,
  /** RFC 9113 §8.5: how a CONNECT stream says that its TCP connection was reset. */
  NGHTTP2_CONNECT_ERROR: connectionReset,
} = constants;
