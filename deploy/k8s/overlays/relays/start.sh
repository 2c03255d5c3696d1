# What differs from node to node: the join token, which is worth something on the first start only, and the address that portals
# dial, where it is not the node's own. Both are looked up by the node's name.
set -eu
of_this_node() { if [ -s "$1/$NODE_NAME" ]; then cat "$1/$NODE_NAME"; fi; }

NETPORT_JOIN=$(of_this_node /etc/netport/join)
NETPORT_ADDRESS=$(of_this_node /etc/netport/address)
if [ -n "$NETPORT_JOIN" ]; then export NETPORT_JOIN; else unset NETPORT_JOIN; fi
export NETPORT_ADDRESS="${NETPORT_ADDRESS:-$NODE_IP}"
case $NODE_IP in *:*) host="[$NODE_IP]" ;; *) host=$NODE_IP ;; esac
# Not every address: on a public node the metrics would be public, too.
export NETPORT_LISTEN_ADDRESS="$NODE_IP" NETPORT_METRICS="$host:9464"
# In the place of this shell, so that SIGTERM reaches the relay: it drains.
exec node /opt/netport/relay/bin/netport-relay.mjs run
