/* The limit: a client in C that makes the same system calls for a check as the prober's engine does.
 *
 *     client FIRST_ADDRESS ADDRESSES FIRST_PORT PORTS CHECKS IN_FLIGHT
 *
 * For each check socket, setsockopt IP_RECVERR, connect, getsockopt TCP_INFO (on loopback at once, else after
 * epoll_ctl and its event), shutdown, a round trip and 1 ms later recv, close; for each turn at most 8 starts,
 * then select on the epoll descriptor and epoll_wait for at most 16 events, then at most 16 looks at connections
 * that were shut down. Prints one line of JSON: checks that were open, wall and CPU seconds, quantiles of the
 * kernel's round-trip time.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STARTS_A_TURN 8
#define EVENTS_A_TURN 16
#define DESCRIPTORS 65536

#define LOOK_S 0.001

struct look {
    double at_s;
    int descriptor;
};

static int epoll;
static int in_flight, started, finished, opened;
/* Connections that were shut down, in the order in which they are looked at; a ring. */
static struct look looks[DESCRIPTORS];
static unsigned looks_first, looks_end;
static uint32_t *rtt_us;

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct tcp_info info_of(int descriptor)
{
    struct tcp_info info = {0};
    socklen_t length = 104;
    getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &length);
    return info;
}

static void look_later(int descriptor, double after_s)
{
    struct look *look = &looks[looks_end++ % DESCRIPTORS];
    look->at_s = seconds(CLOCK_BOOTTIME) + after_s;
    look->descriptor = descriptor;
}

static void finish(int descriptor)
{
    close(descriptor);
    in_flight--;
    finished++;
}

static void established(int descriptor, const struct tcp_info *info)
{
    if (info->tcpi_state != 1) { /* TCP_ESTABLISHED */
        finish(descriptor);
        return;
    }
    rtt_us[opened++] = info->tcpi_rtt;
    shutdown(descriptor, SHUT_WR);
    look_later(descriptor, info->tcpi_rtt / 1e6 + LOOK_S);
}

static void start(uint32_t address, int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(address)};
    int one = 1, descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct epoll_event writing = {.events = EPOLLOUT | EPOLLONESHOT, .data.fd = descriptor};
    started++;
    if (descriptor < 0 || descriptor >= DESCRIPTORS) {
        fputs("client: too few descriptors\n", stderr);
        exit(1);
    }
    in_flight++;
    setsockopt(descriptor, IPPROTO_IP, IP_RECVERR, &one, sizeof one);
    if (connect(descriptor, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS) {
        finish(descriptor);
        return;
    }
    if (address >> 24 == 127) {
        struct tcp_info info = info_of(descriptor);
        if (info.tcpi_state != 2) { /* TCP_SYN_SENT */
            established(descriptor, &info);
            return;
        }
    }
    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &writing);
}

static void look(int descriptor)
{
    static char data[65536];
    ssize_t got;
    while ((got = recv(descriptor, data, sizeof data, 0)) > 0)
        ;
    if (got == 0 || errno != EAGAIN)
        finish(descriptor);
    else
        look_later(descriptor, LOOK_S);
}

static void turn(int may_wait)
{
    struct epoll_event events[EVENTS_A_TURN];
    double left_s = looks_first == looks_end ? 1 : looks[looks_first % DESCRIPTORS].at_s - seconds(CLOCK_BOOTTIME);
    if (may_wait && left_s > 0) {
        struct timeval wait = {(long)left_s, (long)(left_s * 1e6) % 1000000};
        fd_set watched;
        FD_ZERO(&watched);
        FD_SET(epoll, &watched);
        select(epoll + 1, &watched, NULL, NULL, &wait);
    }
    int ready = epoll_wait(epoll, events, EVENTS_A_TURN, 0);
    for (int i = 0; i < ready; i++) {
        struct tcp_info info = info_of(events[i].data.fd);
        established(events[i].data.fd, &info);
    }
    double now_s = seconds(CLOCK_BOOTTIME);
    for (int i = 0; i < EVENTS_A_TURN && looks_first != looks_end && looks[looks_first % DESCRIPTORS].at_s <= now_s; i++)
        look(looks[looks_first++ % DESCRIPTORS].descriptor);
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fputs("usage: client FIRST_ADDRESS ADDRESSES FIRST_PORT PORTS CHECKS IN_FLIGHT\n", stderr);
        return 2;
    }
    uint32_t first = ntohl(inet_addr(argv[1]));
    int addresses = atoi(argv[2]), port = atoi(argv[3]), ports = atoi(argv[4]), checks = atoi(argv[5]);
    int most_in_flight = atoi(argv[6]);
    struct rlimit most;
    getrlimit(RLIMIT_NOFILE, &most);
    most.rlim_cur = most.rlim_max;
    setrlimit(RLIMIT_NOFILE, &most);
    rtt_us = calloc((size_t)checks, sizeof *rtt_us);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    double began_s = seconds(CLOCK_MONOTONIC);
    while (finished < checks) {
        for (int i = 0; i < STARTS_A_TURN && in_flight < most_in_flight && started < checks; i++)
            start(first + (uint32_t)(started % addresses), port + started % ports);
        turn(in_flight == most_in_flight || started == checks);
    }
    double wall_s = seconds(CLOCK_MONOTONIC) - began_s;
    qsort(rtt_us, (size_t)opened, sizeof *rtt_us, ascending);
    printf("{\"checks\": %d, \"wall_s\": %.6f, \"cpu_s\": %.6f, \"rtt_us\": {\"p50\": %u, \"p99\": %u, \"max\": %u}}\n",
           opened, wall_s, seconds(CLOCK_PROCESS_CPUTIME_ID), opened ? rtt_us[opened / 2] : 0,
           opened ? rtt_us[(int)(opened * 0.99)] : 0, opened ? rtt_us[opened - 1] : 0);
    return 0;
}
