/* The far end of a TUN device: thousands of TCP servers a known delay away, in one process.
 *
 *     path DEVICE DELAY_US
 *
 * Answers each SYN with a SYN/ACK, each FIN with FIN/ACK and data with an ACK, DELAY_US after it was
 * read. It keeps no connection: all that an answer needs stands in the packet it answers, so any
 * address and port is a server. Addresses whose second octet is 96 or above never answer.
 *
 * Standard input takes one command a line, each answered with one line of JSON:
 *     delay MICROSECONDS     of packets read from now on
 *     loss PERMILLE          of SYNs are dropped, by a generator that starts anew: the same each time
 *     report                 what was counted since the last report
 * Its end is ours.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define QUEUE 65536            /* answers on their way; a power of two */
#define READS_A_TURN 16        /* packets read before due answers are looked at again */
/* A processor that slept wakes up 0.15 ms late (measured): before the few answers of a quiet path it stays awake. */
#define FEW 4
#define AWAKE_NS 300000
#define SILENT_FROM 96         /* second octet of addresses that never answer */
#define LATE_BUCKETS 20000     /* one a microsecond */
#define OPTION_MSS 2
#define OPTION_TIMESTAMP 8

struct answer {
    int64_t due_ns;
    uint16_t length;
    uint8_t packet[60];        /* IPv4 20, TCP 20, options 16 */
};

static struct answer queue[QUEUE];
static uint32_t head, tail;    /* the delay is the same for all: first in, first out */
static int64_t delay_ns;
static uint32_t loss_permille;
static uint64_t dice;
static struct { uint64_t syns, dropped, silent, overflowed, answers, most_queued; } count;
static uint32_t late_us[LATE_BUCKETS + 1];

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static uint32_t roll(uint32_t sides) /* xorshift64* */
{
    dice ^= dice >> 12;
    dice ^= dice << 25;
    dice ^= dice >> 27;
    return (uint32_t)((dice * 2685821657736338717ULL) >> 33) % sides;
}

static uint32_t sum16(const void *data, int length, uint32_t sum)
{
    const uint8_t *bytes = data;
    for (; length > 1; bytes += 2, length -= 2)
        sum += (uint32_t)bytes[0] << 8 | bytes[1];
    if (length)
        sum += (uint32_t)bytes[0] << 8;
    return sum;
}

static uint16_t folded(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return htons((uint16_t)~sum);
}

/* The sender's timestamp (RFC 7323) in the packet's options; 0 where it sent none. */
static const uint8_t *timestamp_in(const struct tcphdr *tcp)
{
    const uint8_t *option = (const uint8_t *)(tcp + 1), *end = (const uint8_t *)tcp + tcp->doff * 4;
    while (option < end && *option != 0) {
        if (*option == 1) {
            option++;
            continue;
        }
        if (option + 1 >= end || option[1] < 2 || option + option[1] > end)
            return NULL;
        if (*option == OPTION_TIMESTAMP && option[1] == 10)
            return option + 2;
        option += option[1];
    }
    return NULL;
}

static int put_options(uint8_t *at, int is_syn, const uint8_t *their_timestamp, int64_t at_ns)
{
    int length = 0;
    if (is_syn) {
        at[0] = OPTION_MSS, at[1] = 4, at[2] = 1460 >> 8, at[3] = 1460 & 0xff;
        length = 4;
    }
    if (their_timestamp) {
        uint32_t ours_ms = htonl((uint32_t)(at_ns / 1000000));
        at += length;
        at[0] = at[1] = 1, at[2] = OPTION_TIMESTAMP, at[3] = 10;
        memcpy(at + 4, &ours_ms, 4);
        memcpy(at + 8, their_timestamp, 4);
        length += 12;
    }
    return length;
}

static void put_answer(const struct iphdr *ip, const struct tcphdr *tcp, int payload, int64_t read_ns)
{
    if (tail - head == QUEUE) {
        count.overflowed++;
        return;
    }
    struct answer *answer = &queue[tail++ % QUEUE];
    struct iphdr *to_ip = (struct iphdr *)answer->packet;
    struct tcphdr *to_tcp = (struct tcphdr *)(to_ip + 1);
    memset(answer->packet, 0, sizeof answer->packet);
    int options = put_options((uint8_t *)(to_tcp + 1), tcp->syn, timestamp_in(tcp), read_ns + delay_ns);
    answer->due_ns = read_ns + delay_ns;
    answer->length = (uint16_t)(sizeof *to_ip + sizeof *to_tcp + options);
    to_ip->version = 4, to_ip->ihl = 5, to_ip->ttl = 64, to_ip->protocol = IPPROTO_TCP;
    to_ip->tot_len = htons(answer->length);
    to_ip->saddr = ip->daddr, to_ip->daddr = ip->saddr;
    to_ip->check = folded(sum16(to_ip, sizeof *to_ip, 0));
    to_tcp->source = tcp->dest, to_tcp->dest = tcp->source;
    to_tcp->seq = tcp->syn ? htonl(1000000) : tcp->ack_seq;
    to_tcp->ack_seq = htonl(ntohl(tcp->seq) + (uint32_t)payload + tcp->syn + tcp->fin);
    to_tcp->ack = 1, to_tcp->syn = tcp->syn, to_tcp->fin = tcp->fin;
    to_tcp->doff = (uint16_t)((sizeof *to_tcp + options) / 4);
    to_tcp->window = htons(65535);
    int tcp_length = (int)sizeof *to_tcp + options;
    uint32_t sum = sum16(&to_ip->saddr, 8, IPPROTO_TCP + (uint32_t)tcp_length);
    to_tcp->check = folded(sum16(to_tcp, tcp_length, sum));
    if (tail - head > count.most_queued)
        count.most_queued = tail - head;
}

static void take_packet(const uint8_t *packet, int length, int64_t read_ns)
{
    const struct iphdr *ip = (const struct iphdr *)packet;
    if (length < 40 || ip->version != 4 || ip->protocol != IPPROTO_TCP)
        return;
    const struct tcphdr *tcp = (const struct tcphdr *)(packet + ip->ihl * 4);
    int payload = ntohs(ip->tot_len) - ip->ihl * 4 - tcp->doff * 4;
    if (tcp->rst || !(tcp->syn || tcp->fin || payload > 0))
        return;
    if ((ntohl(ip->daddr) >> 16 & 0xff) >= SILENT_FROM) {
        count.silent++;
        return;
    }
    if (tcp->syn) {
        count.syns++;
        if (loss_permille && roll(1000) < loss_permille) {
            count.dropped++;
            return;
        }
    }
    put_answer(ip, tcp, payload, read_ns);
}

static void send_due(int tun)
{
    while (head != tail) {
        struct answer *answer = &queue[head % QUEUE];
        int64_t late_ns = now_ns() - answer->due_ns;
        if (late_ns < 0)
            return;
        head++;
        if (write(tun, answer->packet, answer->length) != answer->length)
            count.overflowed++;
        count.answers++;
        late_us[late_ns / 1000 < LATE_BUCKETS ? late_ns / 1000 : LATE_BUCKETS]++;
    }
}

static int late_quantile(double q)
{
    uint64_t seen = 0, wanted = (uint64_t)(q * (double)count.answers);
    for (int us = 0; us <= LATE_BUCKETS; us++)
        if ((seen += late_us[us]) > wanted)
            return us;
    return LATE_BUCKETS;
}

static int late_most(void)
{
    for (int us = LATE_BUCKETS; us > 0; us--)
        if (late_us[us])
            return us;
    return 0;
}

static void report(void)
{
    printf("{\"syns\": %lu, \"dropped\": %lu, \"silent\": %lu, \"overflowed\": %lu, \"answers\": %lu, "
           "\"most_queued\": %lu, \"late_us\": {\"p50\": %d, \"p99\": %d, \"max\": %d}}\n",
           count.syns, count.dropped, count.silent, count.overflowed, count.answers, count.most_queued,
           late_quantile(0.5), late_quantile(0.99), late_most());
    memset(&count, 0, sizeof count);
    memset(late_us, 0, sizeof late_us);
}

static void obey(char *line)
{
    long number = 0;
    char word[16] = "";
    sscanf(line, "%15s %ld", word, &number);
    if (strcmp(word, "report") == 0) {
        report();
    } else {
        if (strcmp(word, "delay") == 0)
            delay_ns = number * 1000;
        if (strcmp(word, "loss") == 0)
            loss_permille = (uint32_t)number, dice = 88172645463325252ULL;
        puts("{}");
    }
    fflush(stdout);
}

static int read_commands(void)
{
    static char text[256];
    static size_t held;
    ssize_t got = read(0, text + held, sizeof text - 1 - held);
    if (got <= 0)
        return 0;
    held += (size_t)got;
    text[held] = 0;
    for (char *end; (end = strchr(text, '\n')) != NULL;) {
        *end = 0;
        obey(text);
        held -= (size_t)(end + 1 - text);
        memmove(text, end + 1, held + 1);
    }
    return 1;
}

static int open_device(const char *name)
{
    struct ifreq wanted = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    strncpy(wanted.ifr_name, name, IFNAMSIZ - 1);
    if (tun < 0 || ioctl(tun, TUNSETIFF, &wanted) < 0) {
        perror("path: /dev/net/tun");
        exit(1);
    }
    return tun;
}

/* Go before all else that runs, be woken on time and never wait for memory; each as far as allowed. */
static void be_punctual(void)
{
    struct sched_param first = {.sched_priority = 10};
    sched_setscheduler(0, SCHED_FIFO, &first);
    prctl(PR_SET_TIMERSLACK, 1UL);
    mlockall(MCL_CURRENT | MCL_FUTURE);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: path DEVICE DELAY_US\n", stderr);
        return 2;
    }
    uint8_t packet[65536];
    int tun = open_device(argv[1]);
    delay_ns = atol(argv[2]) * 1000;
    signal(SIGINT, SIG_IGN);
    be_punctual();
    puts("{\"ready\": true}");
    fflush(stdout);
    struct pollfd watched[2] = {{.fd = tun, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    for (;;) {
        send_due(tun);
        struct timespec wait = {1, 0};
        if (head != tail) {
            int64_t left_ns = queue[head % QUEUE].due_ns - now_ns();
            if (tail - head <= FEW)
                left_ns -= AWAKE_NS;
            if (left_ns < 0)
                left_ns = 0;
            wait.tv_sec = left_ns / 1000000000, wait.tv_nsec = left_ns % 1000000000;
        }
        if (ppoll(watched, 2, &wait, NULL) < 0 && errno != EINTR)
            return 1;
        if (watched[1].revents && !read_commands())
            return 0;
        for (int reads = 0; reads < READS_A_TURN; reads++) {
            ssize_t length = read(tun, packet, sizeof packet);
            if (length <= 0)
                break;
            take_packet(packet, (int)length, now_ns());
        }
    }
}
