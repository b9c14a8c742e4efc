"""The TCP port that the scheme of a URL stands for. Pure.

Where the IANA registry of service names knows none, it is the server's own default.
"""

from __future__ import annotations

SCHEME_PORTS: dict[str, int] = {
    "amqp": 5672,
    "amqps": 5671,
    "bolt": 7687,
    "cassandra": 9042,
    "consul": 8500,
    "elasticsearch": 9200,
    "etcd": 2379,
    "ftp": 21,
    "ftps": 990,
    "git": 9418,
    "http": 80,
    "https": 443,
    "imap": 143,
    "imaps": 993,
    "influxdb": 8086,
    "irc": 6667,
    "ircs": 6697,
    "kafka": 9092,
    "ldap": 389,
    "ldaps": 636,
    "mariadb": 3306,
    "memcached": 11211,
    "mongodb": 27017,
    "mqtt": 1883,
    "mqtts": 8883,
    "mssql": 1433,
    "mysql": 3306,
    "nats": 4222,
    "neo4j": 7687,
    "nfs": 2049,
    "oracle": 1521,
    "pop3": 110,
    "pop3s": 995,
    "postgres": 5432,
    "postgresql": 5432,
    "pulsar": 6650,
    "rdp": 3389,
    "redis": 6379,
    "rediss": 6379,
    "rsync": 873,
    "rtmp": 1935,
    "rtsp": 554,
    "sftp": 22,
    "sip": 5060,
    "sips": 5061,
    "smb": 445,
    "smtp": 25,
    "smtps": 465,
    "socks5": 1080,
    "sqlserver": 1433,
    "ssh": 22,
    "stomp": 61613,
    "submission": 587,
    "svn": 3690,
    "telnet": 23,
    "valkey": 6379,
    "valkeys": 6379,
    "vnc": 5900,
    "ws": 80,
    "wss": 443,
    "zookeeper": 2181,
}


def port_of_scheme(scheme: str) -> int | None:
    """Return the port of a scheme in lower case, None for an unknown one.

    Of a scheme in two parts the second counts where it is known (`git+ssh`, `git+https`), else
    the first (`postgresql+asyncpg`, `mysql+pymysql`), unless the second says that the port is
    another one (`amqp+ssl`).
    """
    if scheme in SCHEME_PORTS:
        return SCHEME_PORTS[scheme]
    protocol, plus, carrier = scheme.partition("+")
    if not plus or carrier in ("ssl", "tls", "unix", "srv"):
        return None
    return SCHEME_PORTS.get(carrier, SCHEME_PORTS.get(protocol))
