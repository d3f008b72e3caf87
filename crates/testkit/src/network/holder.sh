# Holds a private network and private mounts: run by `unshare --net --mount`, whose child this
# is not (it takes its place), with the directory of the test's files as $1.
#
# Ends when its standard input does, which is when the test drops the network, or is killed;
# then it ends everything that was started in here, so that no daemon outlives its test.
set -e

# What follows would change the machine, and end its processes, were this not a network of its
# own. The parent is the test.
if [ /proc/$$/ns/net -ef "/proc/$PPID/ns/net" ]; then
    echo "this is no network of its own" >&2
    exit 1
fi

ip link set lo up
# Every address of the world is this machine: what wrongly leaves for one arrives at a
# listener here, and can be counted. The two public addresses let the C library take this for
# a machine with IPv4 and IPv6 (AI_ADDRCONFIG).
ip -batch - <<END
route add local 0.0.0.0/0 dev lo
route add local ::/0 dev lo
address add 11.22.33.254/32 dev lo
address add 2600:1234::1/128 dev lo nodad
address add fe80::1/64 dev lo nodad
END
# For IPv4 the route above is enough to bind to any address, for IPv6 it is not.
echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind

mount --bind "$1/hosts" /etc/hosts
for name in nsswitch.conf resolv.conf host.conf; do
    if [ -e "/etc/$name" ]; then
        mount --bind "$1/$name" "/etc/$name"
    fi
done
# A cache of names that answers for the machine outside.
if [ -d /run/nscd ]; then
    mount -t tmpfs none /run/nscd
fi

echo ready
read -r _ || :

# One that is being ended may have started another: look again until there are none.
end_all() {
    found=no
    for process in /proc/[0-9]*; do
        if [ "$process" != "/proc/$$" ] && [ "$process/ns/net" -ef "/proc/$$/ns/net" ]; then
            kill -KILL "${process#/proc/}" 2>/dev/null || :
            found=yes
        fi
    done
    [ $found = yes ]
}
rounds=0
while end_all && [ $rounds -lt 200 ]; do
    rounds=$((rounds + 1))
    sleep 0.01
done
