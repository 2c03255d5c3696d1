/** What QUIC runs over: whole datagrams, each of which may be lost, doubled, overtaken or forged. */
export interface DatagramPath {
  /**
   * The first `count` of these. Returns how many it took; the rest may be sent again. Their memory is free again on return.
   */
  sendMany(datagrams: readonly Uint8Array[], count: number): number;
  /** Set once. What it gets is lent: whoever keeps a datagram copies it. */
  onDatagrams: (datagrams: Uint8Array[]) => void;
  /** Known to be interrupted: nothing is heard, and whether anything arrives is being found out. */
  readonly silent?: boolean;
  close(): void;
}
