/** haproxy's configuration as a TCP proxy that splices: `from` and `to` are HOST:PORT. */
export const splicing = (from, to) => `global
  nbthread 1
defaults
  mode tcp
  option splice-auto
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen relay
  bind ${from}
  server target ${to}
`;
