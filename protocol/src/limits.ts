/** Every size, timeout and quota, each with its why. Sizes in bytes, times in milliseconds, unless the name says otherwise. */
const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

export const limits = {
  // Control channel
  /** A policy document with 5,000 pairs is about 1 MiB; nothing legitimate is larger. */
  controlMessageBytes: 4 * 1024 * 1024,
  /** Access pairs that one portal may be part of: what fits into its policy document. */
  pairsPerPortal: 5000,
  /** Messages a peer may send per second, averaged over ten seconds: a portal sends a few a minute. */
  controlMessagesPerSecond: 200,
  /** What may wait in a session's send buffer before the peer counts as stuck and is dropped. */
  controlSendBufferBytes: 16 * 1024 * 1024,
  /** Both ends ping this often… */
  controlPingInterval: 5 * second,
  /** …and give the other up after this much silence: three lost pings. */
  controlSilence: 15 * second,
  /**
   * …or after this much, once something says that the way between them has changed: a tunnel that needs another relay needs
   * them both to hear of it within `tunnelSilence`.
   */
  controlCheckTimeout: 2 * second,
  /** A TCP + TLS + WebSocket set-up that takes longer is retried. */
  controlConnectTimeout: 10 * second,
  /** `hello` must be the first message and come this soon. */
  controlHelloTimeout: 5 * second,
  /** A request waits this long for a session that has only just ended: one that is begun again at once is back by then. */
  controlReturnGrace: 2 * second,
  /** A request over the control channel that is not answered by then has failed. */
  controlRequestTimeout: 10 * second,
  /** A relay that does not answer `circuit.open` by then is passed over for the next: two tries fit into a portal's request. */
  relayOpenTimeout: 3 * second,
  /** How long a listing of tunnels, streams or circuits waits for portals and relays: one that is stuck is left out. */
  inspectTimeout: 2 * second,
  /** How long an explanation waits for the portals to try a pair: longer than a tunnel's set-up or a target's connect may take. */
  probeTimeout: 20 * second,
  /** Probes that one portal is asked for per minute, and those that it has under way: each may hold a socket for ten seconds. */
  probesPerMinute: 60,
  probesAtOnce: 16,
  /** What was seen this recently still counts as true in an explanation. */
  explainRecent: 15 * minute,
  /** Access pairs that an explanation names for coming close, and things that were done to the one that it is about. */
  explainNearest: 5,
  explainHistory: 20,
  /** Audit events of each kind that an explanation looks through. */
  explainEvents: 100,
  /** How long the answer to a change waits for the portals to have it in force: it takes milliseconds, or they are stuck. */
  policySettleTimeout: 2 * second,
  /** Reconnect back-off: full jitter between 0 and min(max, base × 2^attempt). */
  backoffBase: 250,
  backoffMax: 30 * second,

  // Admin API and enrolment
  apiBodyBytes: 256 * 1024,
  /** Documents of policy as code: 5,000 access pairs are about 2 MiB as JSON. */
  policyBodyBytes: 8 * 1024 * 1024,
  policyDocuments: 10_000,
  /** Access pairs that documents may expand to, all together: a range of ports times a label is soon too much. */
  policyPairs: 20_000,
  policyTests: 1000,
  /** Names that one audit event lists; how many there were is told beside them. */
  auditNames: 100,
  groupPortals: 1000,
  /** A mail address or a name. */
  pairOwnerCharacters: 256,
  /** A sentence or two. */
  pairReasonCharacters: 500,
  csrBytes: 8 * 1024,
  headerBytes: 16 * 1024,
  apiPageSize: 1000,
  /** A request whose header fields, or whose body, take longer than this is cut: slow clients cost a socket, not for long. */
  requestHeadTimeout: 10 * second,
  requestTimeout: 30 * second,
  /** Node drops what is above. */
  headerFields: 64,
  /** A connection on which neither side says anything: an answer that nobody reads, too. */
  connectionIdle: 1 * minute,
  /** What a stranger goes on sending after his answer is read for this long. */
  unreadBodyGrace: second / 2,
  /** Sockets of the control server, sessions included. */
  controlConnections: 20_000,
  /** … of these, of one source address that has not shown who it is; the oldest makes room. A site behind a NAT is one address. */
  socketsPerStranger: 512,
  /** Requests that anybody may make, of one source address: page, health, revocation list, enrolment. A site's page loads are ten each. */
  openRequestsPerMinute: 1200,
  /** Sockets of a metrics port: Prometheus takes one. */
  metricsConnections: 64,
  /** What a client waits for one answer: listing streams asks every portal first. */
  apiRequestTimeout: 30 * second,
  /** The largest answer that a client reads: a page of streams is about 0.5 MiB. */
  apiAnswerBytes: 16 * 1024 * 1024,
  /** The page's session ends after this… */
  adminSessionLifetime: 12 * hour,
  /** …or when nothing was asked with it for this long: a browser that somebody walked away from. */
  adminSessionIdle: 1 * hour,
  /** How exactly that is known: a session that is in use costs one write to the database in this time. */
  adminSessionSeen: 1 * minute,
  /** What somebody who has not shown who he is may send. */
  signInBytes: 1024,
  /** From one source address: a token cannot be guessed anyway, so this bounds what strangers can make the server do. */
  signInsPerMinute: 30,
  /** Source addresses of which the server remembers how often they tried. */
  signInSources: 10_000,
  /** How long an API token is good, unless said otherwise, and at most: one that leaked and was forgotten ends some day. */
  apiTokenLifetime: 90 * day,
  apiTokenLifetimeMax: 366 * day,
  apiTokens: 1000,
  /** More than there are endpoints with a rule of their own is a role. */
  apiTokenScopes: 100,
  apiTokenScopeLength: 64,
  /** Long enough to hold against guessing here and, with scrypt, against who has the database; a manager's may be longer. */
  passwordMin: 12,
  passwordMax: 128,
  /** Passwords whose hashes wait to be made: each takes 32 MiB and a third of a second, one after the other. */
  passwordQueue: 16,
  /** Wrong passwords for one name, or from one source address, that cost nothing; then each doubles the wait, up to… */
  passwordTries: 5,
  passwordTriesOfSource: 20,
  lockOutBase: 1 * second,
  /** …this: long enough to make guessing hopeless, short enough that a stranger cannot keep an admin out for a day. */
  lockOutMax: 5 * minute,
  /** After this long without a try, all is forgotten. */
  lockOutForget: 1 * hour,
  localAdmins: 1000,
  /** What the OpenID provider may take for one answer, and a person there to sign in. */
  oidcTimeout: 10 * second,
  oidcSignIn: 10 * minute,
  joinTokenLifetime: 1 * hour,
  joinTokenLifetimeMax: 30 * day,

  // Devices with a manufacturer's certificate
  /** Each is tried for every device that comes. */
  deviceAuthorities: 32,
  /** Roots and the CAs below them, of one manufacturer: product lines and generations. */
  deviceAuthorityCertificates: 8,
  deviceAuthorityBytes: 32 * 1024,
  /** DER, of a CA; and how many are named to TLS clients, in a message that holds 64 KiB. Both are far more than is usual. */
  deviceAuthoritySubjectBytes: 512,
  deviceAuthoritiesNamed: 64,
  /** Smaller keys, and hashes before SHA-256, can be forged. */
  deviceRsaBits: 2048,
  /** Portals that devices of one authority may add by themselves: whoever steals its key cannot fill the inventory. */
  devicePortals: 10_000,
  /** Enrolments of one device: it needs one, and a few more when it fails behind this server. */
  deviceEnrolmentsPerMinute: 10,
  /** Devices whose enrolments are counted at once. */
  deviceSources: 10_000,

  // Watching live
  /** Who watches gets a picture this often: often enough to look live, and one sample serves everybody. */
  liveInterval: 1 * second,
  /** Proxies cut connections on which nothing comes for a minute. */
  liveHeartbeat: 15 * second,
  /** Event streams open at once: each is sent up to 1 MB a second. */
  liveWatchers: 100,
  /** A watcher that has read nothing for this long has gone. */
  liveUnread: 60 * second,
  /** Of each kind in one picture, the busiest: more than a screen shows. */
  liveStreams: 200,
  liveTunnels: 1000,
  /** Audit events in one picture; the lists have the others. */
  liveAuditEvents: 200,

  // Certificates
  leafLifetime: 7 * day,
  /** A renewal that failed is tried again within this range, by how much of the certificate's life is left. */
  renewalRetryMin: second,
  renewalRetryMax: 10 * minute,
  /** For one portal or relay. */
  renewalsPerMinute: 30,
  /** Portals and relays whose renewals are counted at once. */
  renewalSources: 10_000,
  issuerLifetime: 5 * 365 * day,
  rootLifetime: 10 * 365 * day,
  /** Less than this is left: time to replace the root, before leaves have to be made shorter. */
  rootExpiryWarning: 365 * day,
  /** Certificates start a little in the past, so that a device whose clock lags a bit can use its own at once. */
  clockSkew: 5 * minute,
  crlLifetime: 7 * day,
  /** Leaf, issuing CA and one spare for a rollover; a longer chain is not ours. */
  chainLength: 4,
  /** CA certificates that one side may be offered: a dozen and more fit, where four are expected in a rollover. */
  authoritiesBytes: 32 * 1024,
  /** Under a new root everybody renews at once, spread by this for each: two handshakes and a signature. */
  reissueInterval: 50,
  /** When the two clocks differ by more than this at `welcome`, the log says so. */
  clockWarning: 60 * second,

  // Circuits and legs
  /** Both legs must be bound this soon after allocation, then the circuit is gone. */
  legBindTimeout: 30 * second,
  /** A connection that has not sent its whole preamble by then is dropped: slow binders cost one timer. */
  preambleTimeout: 5 * second,
  /** Unbound connections on one port, and on the whole relay. */
  halfOpenPerPort: 8,
  halfOpenPerRelay: 1024,
  /** The same on the port that takes the legs of all circuits: strangers there must not use up what the others have. */
  halfOpenOnLegPort: 512,
  /** A portal tries that port when the leg's own does not answer within this. */
  legPortHeadStart: 300,
  circuitsPerRelay: 4096,
  /** A port pair rests this long before it is given out again, so that a late packet of the old circuit meets nobody. */
  portQuarantine: 60 * second,
  /** A UDP leg from which nothing came for this long has gone, and the circuit ends: four keep-alives of its portal. */
  udpLegIdle: 60 * second,
  /** How often the relay looks which UDP legs were heard: the kernel counts packets, and tells nobody. */
  udpLegPoll: 5 * second,
  /** A portal that has sent nothing on a UDP leg for this long binds again: shorter than any NAT forgets (RFC 4787 §4.3). */
  udpLegKeepAlive: 15 * second,
  /**
   * …and one that sends and hears nothing for this long does, too: its NAT may have given it another address, or its relay may
   * have gone. Longer than any round trip, and no longer: connections stand still meanwhile.
   */
  udpLegUnheard: 1.5 * second,
  /** A bind without an answer is sent again after this, and after twice as long each time… */
  udpBindRetry: 200,
  /** …up to this. */
  udpBindRetryMax: 2 * second,
  /**
   * The relay itself answers binds: a standing leg that hears nothing after so many, 1.4 s with the pauses above, has lost its
   * relay. At 5 % loss each way one search in a thousand is wrong, and costs a circuit, not the tunnel.
   */
  udpBindsUnanswered: 3,
  /** A replaced leg still takes what is under way over it for this long. */
  udpLegLinger: 1 * second,
  /** What the move of a tunnel to another relay may take once it is offered: two fit into `tunnelSilence`. */
  circuitReplaceTimeout: 4 * second,
  /** How long a circuit that has ended can still be replaced: its tunnel outlives it by `tunnelSilence`, and the request takes time. */
  circuitReplaceable: 20 * second,
  /** What one UDP port may hold unread, as far as the kernel grants it: 30 ms at 1 Gbit/s. */
  udpReceiveBufferBytes: 4 * 1024 * 1024,
  /** Unsent datagrams of one UDP port; what comes on top is dropped, as any router would. */
  udpSendQueueBytes: 1024 * 1024,
  /**
   * A relay that has moved a circuit into the kernel sends the ready mark this often until it is acknowledged: what TCP waits
   * at least before it repeats something (Linux)…
   */
  readyMarkInterval: 200,
  /** …and gives the circuit up after this long: a portal that lives, even at 90 % loss, has had one of the fifty by then. */
  readyMarkTimeout: 10 * second,
  /** How often a relay looks at a circuit in the kernel whose portals have the mark: what is left to notice is its end. */
  promotedLookInterval: 1 * second,
  /** A circuit in the kernel whose legs are closed or reset stays this long, for what is still under way or sent again. */
  promotedLinger: 2 * second,
  /**
   * A leg in the kernel from which nothing came for this long has gone, and the circuit is reset. No socket is there that
   * could probe it (`legKeepAlive`); five times what portals wait for each other (`tunnelSilence`).
   */
  promotedIdle: 60 * second,
  /** How often a relay looks whether its programs are still attached. */
  attachmentCheckInterval: 1 * second,
  /**
   * The MSS that a relay announces where it may promote: with headers it fits any path that IPv6 allows (1280 bytes), so that
   * no ICMP about a packet too big has to find its way through a promoted circuit.
   */
  promotedSegmentBytes: 1220,
  /** How often relays report byte counters. */
  circuitReportInterval: 10 * second,
  /** A leg that is idle this long is probed, so that a peer that vanished does not hold a circuit for ever. */
  legKeepAlive: 30 * second,
  /** What the relay's userspace join buffers per direction before it stops reading the other side. */
  joinBufferBytes: 1024 * 1024,
  /** Circuits that one portal may ask for per minute: a healthy one asks once per peer. */
  circuitRequestsPerMinute: 120,
  /** How often portals measure the round trip to each relay. */
  relayProbeInterval: 60 * second,
  relayProbeTimeout: 3 * second,

  // Tunnels
  /** From the request for a circuit to an authenticated tunnel. */
  tunnelSetupTimeout: 15 * second,
  tunnelPingInterval: 5 * second,
  /** What a tunnel that is closed may take to say so to its peer. */
  tunnelCloseGrace: 250,
  /** No byte from the peer for this long: the tunnel is dead. */
  tunnelSilence: 12 * second,
  /** A tunnel without streams is closed after this, to give its port pair back. */
  tunnelIdle: 5 * minute,
  /** A tunnel whose peer's root CA was retired is left to its client for this long: time to build another. */
  retiredTunnelGrace: 1 * minute,
  streamsPerTunnel: 10_000,
  /**
   * What one stream may have in flight, and so what it costs a portal whose application does not read. Measured: 1 MiB
   * takes a fifth of the throughput on a fast path, 8 MiB adds nothing; at 20 ms, 4 MiB carries 1.6 Gbit/s.
   */
  streamWindowBytes: 4 * 1024 * 1024,
  tunnelWindowBytes: 16 * 1024 * 1024,
  frameBytes: 256 * 1024,
  streamHeadBytes: 4 * 1024,

  // Tunnels over UDP
  /** QUIC's packets: with the headers of IPv6 and UDP, and those of one VPN more, they fit into Ethernet's 1500 bytes. */
  quicPacketBytes: 1350,
  /** Packets that a connection sends before others have their turn: 0.3 MB, 3 ms at 1 Gbit/s. */
  quicBurst: 256,
  /**
   * What a stream may send before its reader has read anything; a reader that keeps up is given more, up to
   * `streamWindowBytes`. It is what each stream of a peer that means harm can cost.
   */
  quicStreamWindowInitialBytes: 128 * 1024,
  /** DATAGRAM frames that wait to be sent, or to be read: 5 MB of full ones, and 40 ms at 80,000 a second. */
  quicDatagramQueue: 4096,
  /** A stream waits until it can send this much, or all it has: many small packets cost more than a moment's wait. */
  quicWriteBytes: 16 * 1024,

  // Choice of transport
  /** A tunnel over TCP is begun when the one over QUIC is not up after this: RFC 8305's Connection Attempt Delay. */
  transportHeadStart: 250,
  /** The same for an access pair that prefers QUIC: enough for its first packet to be lost and said again. */
  transportPatience: 1500,
  /** QUIC that did not get through is tried again in the background after this, and after twice as long each time… */
  quicRetry: 1 * minute,
  /** …up to this; and a tunnel that lasted as long as this makes up for the failures before it. */
  quicRetryMax: 15 * minute,
  /** What such a try may take: nobody waits for it, and a path that needs longer is no better than TCP. */
  quicRetryTimeout: 5 * second,
  /** How often a portal looks whether it is on another network. */
  networkInterval: 2 * second,
  /** Peers, each seen from one network, of which a portal remembers whether QUIC gets through. */
  quicRecords: 4096,
  /** Why a tunnel runs over what it does: a line. */
  reasonCharacters: 256,
  /** Tunnels that one peer may have built to this portal: one over each transport, and both of a race. */
  tunnelsPerPeer: 4,

  // Flows
  /** The largest payload of UDP, so RFC 9298 §5 (over IPv4 it is 65,507). */
  datagramBytes: 65_527,
  /** What one flow may have waiting in a tunnel over TCP: eight of the largest, or 40 ms at 100 Mbit/s. Then it drops. */
  flowQueueBytes: 512 * 1024,
  /** …and all flows of one tunnel together, so that a peer which reads none of thousands costs no more than this. */
  tunnelFlowQueueBytes: 16 * 1024 * 1024,
  /** A flow ends when no datagram went either way for this long, unless the portal is told otherwise: as conntrack has it. */
  flowIdle: 30 * second,
  /** Flows of one UDP listener; the one that has been idle longest makes room. Leaves more than half of a tunnel's streams. */
  flowsPerListener: 4096,
  /** What a client may send before its flow is open: a tunnel may have to be built first. */
  flowWaitingDatagrams: 64,
  flowWaitingBytes: 256 * 1024,
  /** A client that was refused is ignored for this long, then it may ask again: soon enough for a relay that was replaced. */
  flowRefusalHold: 2 * second,
  /** How often a listener on every address of its machine looks whether these changed. */
  localAddressInterval: 5 * second,
  /** A closed flow's stream ends in order when both ends say so; one that the peer leaves open is reset after this. */
  flowCloseTimeout: 5 * second,

  // Streams
  targetConnectTimeout: 10 * second,
  /** Half of a connection may stay open this long after the other half closed; then it is reset. */
  halfCloseLinger: 1 * hour,
  drainGrace: 30 * second,

  // Streams that one portal reports when asked what runs on it
  inspectionEntries: 10_000,
  /** Audit events a portal may have waiting for the control server; the oldest is dropped and counted. */
  eventQueue: 1000,
  /** Reports of streams that a portal has waiting, sent and not kept yet included: 6 MB, three minutes at 50 streams a second. */
  streamReports: 20_000,
  /** What goes into one message: 0.3 MB. */
  streamReportsPerBatch: 500,
  /** Batches that are not kept yet: 5 MB. The next goes when one is. */
  streamBatchesInFlight: 16,
  /** A batch is sent when it is full, or when its first report has waited this long. */
  streamReportDelay: 200,
  /** How long a stream's record waits for the other portal's word when that portal is online, and when it is not: time to come back. */
  streamJoinOnline: 10 * second,
  streamJoinOffline: 60 * second,
  /** Records of all streams that wait so. Beyond, the oldest are written with what is known: about 200 MB. */
  streamJoins: 200_000,
  /** Access pairs that are gone whose streams may still be reported. */
  withdrawnPairs: 20_000,

  // Audit
  /** Events that one transaction writes, or removes: a tenth of a second in which nothing else is answered. */
  auditBatch: 1000,
  /** How often events that are too old are looked for. */
  auditPruneInterval: 1 * hour,
  /** What goes to a sink at once: 0.3 MB. */
  auditSinkBatch: 500,
  /** How often a sink that has everything looks for more. */
  auditSinkInterval: 1 * second,
  /** What a sink's receiver may take for a batch; then it is sent again. */
  auditSinkTimeout: 10 * second,
  /** What syslog receivers take of one datagram, unless they are told otherwise: what is longer is cut. */
  syslogDatagramBytes: 8 * 1024,
  /** Less is no retention but a trail with a hole. */
  auditRetentionMin: 1 * day,
  /** Audit events that the control server writes per minute for one portal, and for all refused enrolments together. */
  auditEventsPerMinute: 300,
} as const;
