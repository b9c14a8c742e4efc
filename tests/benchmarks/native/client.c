/* The limit: a client in C that makes the same system calls for a check as the prober's engine does.
 *
 *     client FIRST_ADDRESS ADDRESSES FIRST_PORT PORTS CHECKS IN_FLIGHT
 *
 * For each check socket, setsockopt IP_RECVERR, ioctl FIONBIO, connect, epoll_ctl, getsockopt TCP_INFO
 * (again at the event, where the handshake was not complete at once), getsockopt SO_ERROR,
 * getsockname, getpeername, shutdown, epoll_ctl, recv to the end, close; for each turn at most 8
 * starts, then select on the epoll descriptor and epoll_wait for at most 16 events. Prints one line
 * of JSON: checks that were open, wall and CPU seconds, quantiles of the kernel's round-trip time.
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
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STARTS_A_TURN 8
#define EVENTS_A_TURN 16
#define DESCRIPTORS 65536

static int epoll;
static int in_flight, started, finished, opened;
static uint8_t is_draining[DESCRIPTORS];
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

static void finish(int descriptor)
{
    close(descriptor);
    is_draining[descriptor] = 0;
    in_flight--;
    finished++;
}

static void established(int descriptor, const struct tcp_info *info)
{
    struct sockaddr_in ours, theirs;
    socklen_t length = sizeof ours;
    struct epoll_event reading = {.events = EPOLLIN, .data.fd = descriptor};
    int error = 0;
    socklen_t error_length = sizeof error;
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &error_length);
    if (error) {
        finish(descriptor);
        return;
    }
    getsockname(descriptor, (struct sockaddr *)&ours, &length);
    length = sizeof theirs;
    getpeername(descriptor, (struct sockaddr *)&theirs, &length);
    rtt_us[opened++] = info->tcpi_rtt;
    shutdown(descriptor, SHUT_WR);
    epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &reading);
    is_draining[descriptor] = 1;
}

static void start(uint32_t address, int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(address)};
    int one = 1, descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct epoll_event writing = {.events = EPOLLOUT, .data.fd = descriptor};
    started++;
    if (descriptor < 0 || descriptor >= DESCRIPTORS) {
        fputs("client: too few descriptors\n", stderr);
        exit(1);
    }
    in_flight++;
    ioctl(descriptor, FIONBIO, &one);
    setsockopt(descriptor, IPPROTO_IP, IP_RECVERR, &one, sizeof one);
    if (connect(descriptor, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS) {
        finish(descriptor);
        return;
    }
    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &writing);
    struct tcp_info info = info_of(descriptor);
    if (info.tcpi_state != 2) /* TCP_SYN_SENT */
        established(descriptor, &info);
}

static void on_event(int descriptor)
{
    char data[65536];
    if (!is_draining[descriptor]) {
        struct tcp_info info = info_of(descriptor);
        established(descriptor, &info);
        return;
    }
    ssize_t got;
    while ((got = recv(descriptor, data, sizeof data, 0)) > 0)
        ;
    if (got == 0 || errno != EAGAIN)
        finish(descriptor);
}

static void turn(void)
{
    struct epoll_event events[EVENTS_A_TURN];
    struct timeval wait = {1, 0};
    fd_set watched;
    FD_ZERO(&watched);
    FD_SET(epoll, &watched);
    if (in_flight)
        select(epoll + 1, &watched, NULL, NULL, &wait);
    int ready = epoll_wait(epoll, events, EVENTS_A_TURN, 0);
    for (int i = 0; i < ready; i++)
        on_event(events[i].data.fd);
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
        turn();
    }
    double wall_s = seconds(CLOCK_MONOTONIC) - began_s;
    qsort(rtt_us, (size_t)opened, sizeof *rtt_us, ascending);
    printf("{\"checks\": %d, \"wall_s\": %.6f, \"cpu_s\": %.6f, \"rtt_us\": {\"p50\": %u, \"p99\": %u, \"max\": %u}}\n",
           opened, wall_s, seconds(CLOCK_PROCESS_CPUTIME_ID), opened ? rtt_us[opened / 2] : 0,
           opened ? rtt_us[(int)(opened * 0.99)] : 0, opened ? rtt_us[opened - 1] : 0);
    return 0;
}
